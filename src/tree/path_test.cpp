#include "tree/path.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

TEST(Path, IsTrimmedOfWhatDoesNotDistinguishIt) {
  for (const auto& [path, trimmed] : {std::pair{"/srv/app/", "srv/app"},
                                      {"srv/app", "srv/app"},
                                      {"././srv", "srv"},
                                      {"//srv//app//", "srv//app"},
                                      {"/", ""},
                                      {"", ""},
                                      {".", ""},
                                      {"./", ""},
                                      {"...", "..."}})
    EXPECT_EQ(trimmed_path(path), trimmed) << path;
}

TEST(Path, IsJoinedWithoutASlashAtTheRoot) {
  EXPECT_EQ(joined_path("", "srv"), "srv");
  EXPECT_EQ(joined_path("srv/app", "\xff"), "srv/app/\xff");
}

}  // namespace
}  // namespace reprieve
