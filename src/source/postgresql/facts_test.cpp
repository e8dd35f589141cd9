#include "source/postgresql/facts.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

ClusterFacts sample() {
  ClusterFacts facts;
  facts.system_identifier = "7573843465874823451";
  facts.server_version = "15.20";
  facts.server_version_num = 150020;
  facts.timeline = 2;
  facts.start = Lsn{0x2000028};
  facts.end = Lsn{0x2000100};
  facts.started = Instant{1'700'000'000'000'000'000};
  facts.finished = Instant{1'700'000'001'000'000'000};
  facts.wal_segment_size = 16 << 20;
  facts.block_size = 8192;
  facts.label = "reprieve";
  facts.data_directory = "/var/lib/\xff";
  facts.has_checksums = true;
  facts.suspects = {"page"};
  facts.tablespaces = {{16385, "/srv/\xfe space"}};
  facts.recovery_settings = {{"max_connections", "100"}};
  facts.configuration = {{"config_file", "/etc/postgresql.conf", "port = 5432 # \xe9\n"},
                         {"hba_file", "/etc/pg_hba.conf", std::nullopt}};
  facts.databases = {{"shop", "UTF8", "C", "C", ""}};
  facts.notes = {"Nothing else."};
  return facts;
}

TEST(Facts, ReadBackWithBytesThatAreNoText) {
  const auto facts = parse_facts(as_bytes(encode_facts(sample())));
  ASSERT_TRUE(facts) << facts.error().what;
  EXPECT_EQ(encode_facts(*facts), encode_facts(sample()));
  EXPECT_EQ(facts->tablespaces, sample().tablespaces);
  EXPECT_EQ(facts->data_directory, sample().data_directory);
  EXPECT_EQ(facts->configuration[0].content, sample().configuration[0].content);
  EXPECT_EQ(facts->configuration[1].content, std::nullopt);
}

TEST(Facts, RefuseDamageAndNewerFormats) {
  const std::string good = encode_facts(sample());
  EXPECT_FALSE(parse_facts(as_bytes(std::string_view{good}.substr(1))));
  EXPECT_FALSE(parse_facts(as_bytes(std::string_view{"[]"})));
  EXPECT_FALSE(parse_facts(as_bytes(std::string_view{"{\"format\":1}"})));
  const auto newer = parse_facts(as_bytes(std::string_view{"{\"format\":2}"}));
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().kind, ErrorKind::kInvalid);
  std::string bad_size = good;
  bad_size.replace(bad_size.find("16777216"), 8, "16777217");
  EXPECT_FALSE(parse_facts(as_bytes(bad_size)));
}

TEST(Facts, ReadSizesAsShowPrintsThem) {
  EXPECT_EQ(parse_size_setting("16MB"), 16U << 20);
  EXPECT_EQ(parse_size_setting("1GB"), 1U << 30);
  EXPECT_EQ(parse_size_setting("8192"), 8192U);
  EXPECT_FALSE(parse_size_setting("MB"));
  EXPECT_FALSE(parse_size_setting("99999999999TB"));
  EXPECT_FALSE(parse_size_setting("16 MB"));
}

}  // namespace
}  // namespace reprieve
