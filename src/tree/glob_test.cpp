#include "tree/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace reprieve {
namespace {

TEST(Glob, MatchesRawBytes) {
  EXPECT_TRUE(matches_glob("*\xff?", "a\xff\xfe"));
  EXPECT_TRUE(matches_glob("[\x80-\xff]", "\xc3"));
  EXPECT_FALSE(matches_glob("[!\x80-\xff]", "\xc3"));
}

TEST(Glob, TellsAnOpenBracket) {
  EXPECT_TRUE(is_valid_glob("[a]b\\["));
  EXPECT_FALSE(is_valid_glob("a[b"));
}

TEST(Glob, TakesNoExponentialTime) {
  const std::string text(5000, 'a');
  EXPECT_FALSE(matches_glob("*a*a*a*a*a*a*a*a*a*a*b", text));
  EXPECT_FALSE(matches_glob("**/*a*a*a*a*b", text));
}

}  // namespace
}  // namespace reprieve
