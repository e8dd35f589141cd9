#include "mount/internal/inode_table.hpp"

#include <gtest/gtest.h>

#include <set>

namespace reprieve::mount {
namespace {

using Kind = Identity::Kind;

TEST(InodeTable, GivesAnIdentityTheSameNumberEachTime) {
  InodeTable table;
  const Identity identity{Kind::kPlace, 1, 7};
  const std::uint64_t number = table.remember(identity, {});
  EXPECT_EQ(table.remember(identity, {}), number);
  table.forget(number, 2);
  EXPECT_EQ(table.remember(identity, {}), number);
  EXPECT_EQ(number, InodeTable::number_of(identity));
}

TEST(InodeTable, HoldsAnInodeUntilItsLastLookUpIsTakenBack) {
  InodeTable table;
  const std::uint64_t number = table.remember({Kind::kPlace, 1, 7}, {nullptr, 3});
  table.remember({Kind::kPlace, 1, 7}, {nullptr, 3});
  table.forget(number, 1);
  ASSERT_TRUE(table.find(number));
  EXPECT_EQ(table.find(number)->index, 3U);
  table.forget(number, 1);
  EXPECT_FALSE(table.find(number));
  EXPECT_EQ(table.size(), 0U);
  table.forget(number, 1);  // What the kernel says twice harms nothing.
}

TEST(InodeTable, GivesDifferentIdentitiesDifferentNumbers) {
  InodeTable table;
  std::set<std::uint64_t> numbers;
  for (const Kind kind : {Kind::kPlace, Kind::kLink})
    for (std::uint64_t scope = 1; scope < 40; ++scope)
      for (std::uint64_t item = 0; item < 40; ++item)
        numbers.insert(table.remember({kind, scope, item}, {}));
  EXPECT_EQ(numbers.size(), 2U * 39 * 40);
  EXPECT_EQ(table.size(), numbers.size());
  EXPECT_GT(*numbers.begin(), InodeTable::kRoot);
}

}  // namespace
}  // namespace reprieve::mount
