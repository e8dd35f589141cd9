#include "storage/key.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

TEST(ObjectKey, IsMadeOfPlainSegments) {
  for (const std::string_view key :
       {"a", "config", "pack/3fa9", "a/b/c", "a.b-c", "...", "a..", "0"})
    EXPECT_TRUE(is_valid_key(key)) << key;
  for (const std::string_view key : {"", ".", "..", "/", "a/", "/a", "a//b", "a/./b", "a/..", "A",
                                     "a b", "a_b", "a\\b", "\xc3\xa4"})
    EXPECT_FALSE(is_valid_key(key)) << key;
}

TEST(ObjectKey, HasAtMost256Characters) {
  EXPECT_TRUE(is_valid_key(std::string(256, 'a')));
  EXPECT_FALSE(is_valid_key(std::string(257, 'a')));
}

}  // namespace
}  // namespace reprieve
