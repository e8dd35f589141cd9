#include "source/filesystem/internal/exclude.hpp"

#include <gtest/gtest.h>

namespace reprieve::filesystem {
namespace {

bool excludes(const std::vector<std::string>& patterns, std::string_view path,
              bool is_directory = false) {
  const auto rules = ExcludeRules::parse(patterns);
  if (!rules) return false;
  return rules->matches(path, path.substr(path.rfind('/') + 1), is_directory);
}

TEST(ExcludeRules, MatchAPatternWithoutSlashAtAnyDepth) {
  EXPECT_TRUE(excludes({"*.tmp"}, "a.tmp"));
  EXPECT_TRUE(excludes({"*.tmp"}, "x/y/a.tmp"));
  EXPECT_FALSE(excludes({"*.tmp"}, "x.tmp/a"));
  EXPECT_TRUE(excludes({"node_modules"}, "x/node_modules", true));
  EXPECT_FALSE(excludes({"node_modules"}, "x/node_modules2", true));
}

TEST(ExcludeRules, MatchAPatternWithSlashFromTheRoot) {
  EXPECT_TRUE(excludes({"/build"}, "build"));
  EXPECT_FALSE(excludes({"/build"}, "x/build"));
  EXPECT_TRUE(excludes({"var/cache"}, "var/cache"));
  EXPECT_FALSE(excludes({"var/cache"}, "x/var/cache"));
  EXPECT_TRUE(excludes({"var/*.log"}, "var/a.log"));
  EXPECT_FALSE(excludes({"var/*.log"}, "var/x/a.log"));
}

TEST(ExcludeRules, MatchDirectoriesOnlyWithATrailingSlash) {
  EXPECT_TRUE(excludes({"tmp/"}, "x/tmp", true));
  EXPECT_FALSE(excludes({"tmp/"}, "x/tmp", false));
}

TEST(ExcludeRules, MatchAnyNumberOfDirectoriesWithTwoStars) {
  EXPECT_TRUE(excludes({"a/**/b"}, "a/b"));
  EXPECT_TRUE(excludes({"a/**/b"}, "a/x/y/b"));
  EXPECT_FALSE(excludes({"a/**/b"}, "a/x/yb"));
  EXPECT_TRUE(excludes({"**/b"}, "b"));
  EXPECT_TRUE(excludes({"**/b/*.o"}, "x/b/y/b/z.o"));
  EXPECT_TRUE(excludes({"a/**"}, "a/x/y"));
  EXPECT_FALSE(excludes({"a/**"}, "a"));
}

TEST(ExcludeRules, MatchBracketsQuestionMarksAndEscapes) {
  EXPECT_TRUE(excludes({"[a-c]?.x"}, "bz.x"));
  EXPECT_FALSE(excludes({"[!a-c]?.x"}, "bz.x"));
  EXPECT_TRUE(excludes({"[]x]"}, "]"));
  EXPECT_TRUE(excludes({"\\*"}, "*"));
  EXPECT_FALSE(excludes({"\\*"}, "a"));
  EXPECT_TRUE(excludes({"[\xf0-\xff]"}, "\xfe"));
}

TEST(ExcludeRules, RefuseWhatTheyWouldMisread) {
  for (const char* pattern : {"", "/", "!keep", "a[b"}) {
    const auto rules = ExcludeRules::parse({pattern});
    ASSERT_FALSE(rules) << pattern;
    EXPECT_EQ(rules.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace reprieve::filesystem
