#include "repository/internal/config.hpp"

#include <gtest/gtest.h>

#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() : root_{crypto::SigningKey::generate(random_)} {
    config_.repository = crypto::random_array<16>(random_);
    config_.generation = 3;
    config_.previous = crypto::random_array<32>(random_);
    config_.created = Instant{1'000'000'007};
    config_.optional_features = {"shiny"};
    config_.root = root_.public_key();
    config_.epochs = {{1, crypto::random_array<32>(random_)},
                      {2, crypto::random_array<32>(random_)}};
    config_.members = {{Role::kAdmin, crypto::random_array<32>(random_), false, "admin"},
                       {Role::kPruner, crypto::random_array<32>(random_), true, "old pruner"}};
    config_.chunker.page_bytes = 8192;
  }
  [[nodiscard]] Bytes encoded() const { return encode_config(config_, root_); }

  SeededRandom random_{1};
  crypto::SigningKey root_;
  Config config_;
};

TEST_F(ConfigTest, ComesBackAsItWasGiven) {
  const auto parsed = parse_config(encoded());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->repository, config_.repository);
  EXPECT_EQ(parsed->generation, 3U);
  EXPECT_EQ(parsed->optional_features, config_.optional_features);
  EXPECT_EQ(parsed->members.at(1).name, "old pruner");
  EXPECT_TRUE(parsed->members.at(1).is_revoked);
  EXPECT_EQ(parsed->chunker, config_.chunker);
  EXPECT_EQ(encode_config(*parsed, root_), encoded());
}

TEST_F(ConfigTest, IsNeverBelievedWithAFlippedByte) {
  Bytes record = encoded();
  for (std::size_t at = 0; at < record.size(); ++at) {
    record[at] ^= std::byte{1};
    EXPECT_FALSE(parse_config(record)) << at;
    record[at] ^= std::byte{1};
  }
}

TEST_F(ConfigTest, IsRefusedByNameWhenItNeedsAnUnknownFeatureOrFormat) {
  config_.required_features = {"lunar-parity"};
  const auto feature = parse_config(encoded());
  ASSERT_FALSE(feature);
  EXPECT_EQ(feature.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(feature.error().what.find("lunar-parity"), std::string::npos);
  EXPECT_NE(feature.error().hint.find("newer version"), std::string::npos);

  config_.required_features.clear();
  config_.format_version = 2;
  const auto format = parse_config(encoded());
  ASSERT_FALSE(format);
  EXPECT_EQ(format.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(format.error().what.find("format 2"), std::string::npos);
}

TEST_F(ConfigTest, HandsKeysOverOnlyWithTheFeatureThatSaysSo) {
  config_.required_features = {std::string{kHandoverFeature}};
  config_.handovers = {{crypto::random_array<16>(random_), crypto::random_array<32>(random_),
                        copy_of(as_bytes("sealed"))},
                       {crypto::random_array<16>(random_), crypto::random_array<32>(random_), {}}};
  const auto parsed = parse_config(encoded());
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->handovers.size(), 2U);
  EXPECT_EQ(parsed->handovers[0].member, config_.handovers[0].member);
  EXPECT_EQ(parsed->handovers[0].ephemeral, config_.handovers[0].ephemeral);
  EXPECT_EQ(parsed->handovers[0].sealed, config_.handovers[0].sealed);
  EXPECT_EQ(encode_config(*parsed, root_), encoded());
}

TEST_F(ConfigTest, IsRefusedWithAChunkerThatCannotCut) {
  config_.chunker.min_bytes = config_.chunker.max_bytes + 1;
  EXPECT_EQ(parse_config(encoded()).error().kind, ErrorKind::kCorrupt);
  config_.chunker = {};
  config_.chunker.max_bytes = 64 * 1024 * 1024;
  EXPECT_EQ(parse_config(encoded()).error().kind, ErrorKind::kCorrupt);
  config_.chunker = {};
  config_.chunker.page_bytes = 0;
  EXPECT_EQ(parse_config(encoded()).error().kind, ErrorKind::kCorrupt);
}

TEST_F(ConfigTest, IsRefusedWithoutAnEpoch) {
  config_.epochs.clear();
  EXPECT_EQ(parse_config(encoded()).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace reprieve::repository
