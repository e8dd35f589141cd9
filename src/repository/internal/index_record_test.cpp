#include "repository/internal/index_record.hpp"

#include <gtest/gtest.h>

#include "repository/internal/index.hpp"
#include "repository/internal/pack_contents.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/test_repository.hpp"

namespace reprieve::repository {
namespace {

class IndexRecordTest : public ::testing::Test {
 protected:
  IndexRecordTest() : repository_{made_.open()} {
    REPRIEVE_ASSERT(TestRepository::back_up(*repository_, TestRepository::contents(1, 6), "x"));
    for (const ObjectKey& key : made_.objects(kPackPrefix)) {
      const auto object = made_.disk.stat(key);
      REPRIEVE_ASSERT(object);
      auto reading =
          read_pack_contents(made_.disk, keys(), *pack_id_in_key(key), object->size.value);
      REPRIEVE_ASSERT(reading);
      packs_.push_back(std::move(reading->contents));
    }
    plain_ = encode_index(packs_);
  }
  [[nodiscard]] const KeyRing& keys() const { return repository_->keys(); }
  [[nodiscard]] Bytes encoded(const crypto::SigningKey& signer) {
    auto record = encode_index_record(SessionId{}, plain_, keys(), signer, made_.random);
    REPRIEVE_ASSERT(record);
    return *std::move(record);
  }

  TestRepository made_;
  std::unique_ptr<Repository> repository_;
  std::vector<PackContents> packs_;
  Bytes plain_;
};

TEST_F(IndexRecordTest, OpensToTheIndexThatWasSealed) {
  const auto opened = open_index_record(encoded(keys().signing_key()), keys());
  ASSERT_TRUE(opened) << opened.error().what;
  EXPECT_EQ(*opened, plain_);
}

TEST_F(IndexRecordTest, IsNeverBelievedWithAFlippedByte) {
  Bytes record = encoded(keys().signing_key());
  for (std::size_t at = 0; at < record.size(); at += at < 200 ? 1 : 37) {
    record[at] ^= std::byte{1};
    EXPECT_FALSE(open_index_record(record, keys())) << at;
    record[at] ^= std::byte{1};
  }
}

TEST_F(IndexRecordTest, IsBelievedOfRootForEverybodysPacks) {
  EXPECT_TRUE(open_index_record(encoded(*keys().root_key()), keys()));
}

TEST_F(IndexRecordTest, IsNotBelievedOfAWriterForAnothersPacks) {
  Config config = keys().config();
  const auto other = crypto::SigningKey::generate(made_.random);
  config.members.push_back(
      {.role = Role::kWriter, .key = other.public_key(), .is_revoked = false, .name = "other"});
  auto credentials = parse_credentials(encode_credentials(keys().credentials()).expose());
  ASSERT_TRUE(credentials);
  const auto both = KeyRing::make(*std::move(credentials), config);
  ASSERT_TRUE(both);
  const auto opened = open_index_record(encoded(other), *both);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(opened.error().what.find("another writer's pack"), std::string::npos);
}

TEST_F(IndexRecordTest, IsNotBelievedWithALabelThatDoesNotNameItsPack) {
  packs_.front().label[60] ^= std::byte{1};
  plain_ = encode_index(packs_);
  EXPECT_EQ(open_index_record(encoded(keys().signing_key()), keys()).error().kind,
            ErrorKind::kCorrupt);
}

TEST_F(IndexRecordTest, ReadsAPacksContentsThoughLabelOrTrailerAreDamaged) {
  const PackContents& pack = packs_.front();
  const ObjectKey key = pack_key(pack.id);
  const auto object = made_.disk.get(key, ByteCount{100'000'000});
  ASSERT_TRUE(object);
  const auto label = parse_label(pack.label);
  ASSERT_TRUE(label);
  for (const std::size_t at : {std::size_t{30}, pack.label.size() + label->trailer_offset + 40}) {
    ASSERT_TRUE(made_.disk.damage(key, [&](Bytes& b) { b[at] ^= std::byte{1}; }));
    const auto reading = read_pack_contents(made_.disk, keys(), pack.id, object->size());
    ASSERT_TRUE(reading) << reading.error().what;
    EXPECT_EQ(encode_index(std::span{&reading->contents, 1}), encode_index(std::span{&pack, 1}));
    ASSERT_TRUE(made_.disk.damage(key, [&](Bytes& b) { b = *object; }));
  }
}

}  // namespace
}  // namespace reprieve::repository
