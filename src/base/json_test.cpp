#include "base/json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace reprieve {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(Json, KeepsMembersInTheirOrder) {
  Json json;
  json["zebra"] = 1;
  json["apple"] = 2;
  EXPECT_EQ(to_text(json), R"({"zebra":1,"apple":2})");
  const auto parsed = parse_json(R"({"b": 1, "a": [true, null, "x"]})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(to_text(*parsed), R"({"b":1,"a":[true,null,"x"]})");
}

TEST(Json, HoldsEvery64BitInteger) {
  EXPECT_EQ(to_text(*parse_json("[18446744073709551615,-9223372036854775808]")),
            "[18446744073709551615,-9223372036854775808]");
}

TEST(Json, ReadsAnyValueAsADocument) {
  for (const char* text : {"null", "0", "\"\"", "true", "[]", "{}", " {} \n"})
    EXPECT_TRUE(parse_json(text)) << text;
}

TEST(Json, RefusesWhatIsNoDocument) {
  for (const char* text :
       {"", " ", "{", "[1,]", "{\"a\":}", "{a:1}", "'a'", "nul", "01", "1 2", "[1] x", "NaN",
        "1e999", "\"\xff\"", "\"a\nb\"", "\"\\ud800\"", "// c\n1", "\xef\xbb\xbf"})
    EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_FALSE(parse_json(std::string_view{"[1]\0", 4}));
  EXPECT_FALSE(parse_json(std::string_view{"[1]\0]", 5})) << "nothing may hide behind a zero byte";
}

TEST(Json, RefusesWhatNestsDeeperThan64Levels) {
  EXPECT_TRUE(parse_json(nested(64)));
  EXPECT_TRUE(parse_json(std::string(64, '[') + "1" + std::string(64, ']')));
  EXPECT_FALSE(parse_json(nested(65)));
  EXPECT_FALSE(parse_json(nested(20'000)));
  EXPECT_FALSE(parse_json(std::string(20'000, '[')));
  std::string objects = "1";
  for (int i = 0; i < 65; ++i)
    objects = R"({"a":)" + objects + "}";
  EXPECT_FALSE(parse_json(objects));
}

TEST(Json, ReplacesBytesThatAreNoText) {
  EXPECT_EQ(to_text(Json("a\xff"
                         "b")),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(to_text(Json("näme")), "\"näme\"");
}

}  // namespace
}  // namespace reprieve
