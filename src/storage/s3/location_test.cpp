#include "storage/s3/location.hpp"

#include <gtest/gtest.h>

namespace reprieve::s3 {
namespace {

TEST(Location, SaysBucketPrefixAndParameters) {
  const auto location = parse_location(
      "s3://my-bucket/backups/web_1/?endpoint=https://s3.example.org:8443/&region=eu-central-1"
      "&profile=dr&style=path&class=STANDARD_IA&writers=one&limit_up=500K&limit_down=2G");
  ASSERT_TRUE(location) << location.error().what;
  EXPECT_EQ(location->bucket, "my-bucket");
  EXPECT_EQ(location->prefix, "backups/web_1");
  EXPECT_EQ(location->endpoint, "https://s3.example.org:8443");
  EXPECT_EQ(location->region, "eu-central-1");
  EXPECT_EQ(location->profile, "dr");
  EXPECT_EQ(location->storage_class, "STANDARD_IA");
  EXPECT_TRUE(location->has_one_writer);
  EXPECT_EQ(location->limit_up, 512'000U);
  EXPECT_EQ(location->limit_down, 2U << 30U);
  EXPECT_EQ(location->describe(),
            "s3://my-bucket/backups/web_1?endpoint=https://s3.example.org:8443");
}

TEST(Location, SaysHowObjectsAreLocked) {
  const auto location = parse_location("s3://abc?lock_mode=governance&lock=30d");
  ASSERT_TRUE(location) << location.error().what;
  ASSERT_TRUE(location->lock);
  EXPECT_EQ(location->lock->mode, LockMode::kGovernance);
  EXPECT_EQ(location->lock->period, std::chrono::hours{30 * 24});
  EXPECT_FALSE(parse_location("s3://abc")->lock);
  for (const std::string url :
       {"s3://abc?lock=30d", "s3://abc?lock_mode=compliance",
        "s3://abc?lock=30&lock_mode=compliance", "s3://abc?lock=0d&lock_mode=compliance",
        "s3://abc?lock=-1d&lock_mode=compliance", "s3://abc?lock=9999w1&lock_mode=compliance",
        "s3://abc?lock=99999999999999999999w&lock_mode=compliance",
        "s3://abc?lock=101000w&lock_mode=compliance", "s3://abc?lock=30d&lock_mode=none"})
    EXPECT_FALSE(parse_location(url)) << url;
}

TEST(Location, NeedsOnlyABucket) {
  const auto location = parse_location("s3://abc");
  ASSERT_TRUE(location);
  EXPECT_EQ(location->prefix, "");
  EXPECT_FALSE(location->has_one_writer);
  EXPECT_EQ(parse_location("s3://abc/")->prefix, "");
}

TEST(Location, RefusesWhatCouldBeMisunderstood) {
  for (const std::string url : {"http://abc/",
                                "s3://",
                                "s3://ab",
                                "s3:///x",
                                "s3://Bucket",
                                "s3://a..b",
                                "s3://-ab",
                                "s3://abc/a//b",
                                "s3://abc/../b",
                                "s3://abc/a b",
                                "s3://abc/%2e%2e",
                                "s3://abc/x//",
                                "s3://abc?region",
                                "s3://abc?region=",
                                "s3://abc?region=%zz",
                                "s3://abc?region=a/b",
                                "s3://abc?colour=red",
                                "s3://abc?style=both",
                                "s3://abc?writers=two",
                                "s3://abc?endpoint=ftp://h",
                                "s3://abc?endpoint=https://",
                                "s3://abc?limit_up=fast",
                                "s3://abc?endpoint=https://h/path",
                                "s3://abc?limit_up=0",
                                "s3://abc?limit_up=K",
                                "s3://abc?region=a%0d%0ab",
                                "s3://abc?limit_down=99999999999G"}) {
    const auto location = parse_location(url);
    ASSERT_FALSE(location) << url;
    EXPECT_EQ(location.error().kind, ErrorKind::kInvalid);
  }
}

TEST(Location, NeverRepeatsCredentialsThatWereWrittenIntoIt) {
  for (const std::string url : {"s3://AKIA:geheim@bucket/x", "s3://abc?secret_key=geheim",
                                "s3://abc?endpoint=https://u:geheim@h"}) {
    const auto location = parse_location(url);
    ASSERT_FALSE(location) << url;
    EXPECT_EQ(location.error().what.find("geheim"), std::string::npos);
    EXPECT_EQ(location.error().hint.find("geheim"), std::string::npos);
  }
}

std::string address_of(const std::string& url, const std::string& region = "us-east-1") {
  const Address address = addressed(*parse_location(url), region);
  return address.scheme + address.host + address.path;
}

TEST(Address, FollowsTheStyle) {
  EXPECT_EQ(address_of("s3://abc/p", "eu-west-1"), "https://abc.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(address_of("s3://a.b.c/p", "eu-west-1"), "https://s3.eu-west-1.amazonaws.com/a.b.c");
  EXPECT_EQ(address_of("s3://abc", "cn-north-1"), "https://abc.s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(address_of("s3://abc?endpoint=http://h:80"), "http://h/abc");
  EXPECT_EQ(address_of("s3://abc?endpoint=https://h:9000"), "https://h:9000/abc");
  EXPECT_EQ(address_of("s3://abc?endpoint=https://h:9000&style=virtual"), "https://abc.h:9000");
}

}  // namespace
}  // namespace reprieve::s3
