#include "source/postgresql/tree_builder.hpp"

#include <gtest/gtest.h>

#include "source/postgresql/memory_snapshot.hpp"

namespace reprieve {
namespace {

Entry folder() {
  Entry entry;
  entry.type = EntryType::kDirectory;
  return entry;
}

class TreeBuilderTest : public ::testing::Test {
 protected:
  TreeBuilder builder() { return {snapshot_, folder()}; }
  MemorySnapshot snapshot_;
};

TEST_F(TreeBuilderTest, StoresATreeInTheOrderOfABaseBackup) {
  TreeBuilder tree = builder();
  ASSERT_TRUE(tree.add("backup_label", Entry{}));
  ASSERT_TRUE(tree.add("global", folder()));
  ASSERT_TRUE(tree.add("global/1262", Entry{}));
  ASSERT_TRUE(tree.add("base", folder()));
  ASSERT_TRUE(tree.add("base/1", folder()));
  ASSERT_TRUE(tree.add("base/1/100", Entry{}));
  ASSERT_TRUE(tree.add("base/5", folder()));
  ASSERT_TRUE(tree.add("base/5/100", Entry{}));
  ASSERT_TRUE(tree.add("global/pg_control", Entry{})) << "comes last, after its folder was left";
  const auto root = tree.finish();
  ASSERT_TRUE(root);
  const auto top = snapshot_.read_directory(*root->directory);
  ASSERT_TRUE(top);
  ASSERT_EQ(top->size(), 3U);
  for (const char* path : {"backup_label", "base/1/100", "base/5/100", "global/pg_control"})
    EXPECT_TRUE(snapshot_.find(*top, path)) << path;
}

TEST_F(TreeBuilderTest, RefusesEntriesOutsideTheirFolder) {
  TreeBuilder tree = builder();
  EXPECT_FALSE(tree.add("base/1", folder()));
  ASSERT_TRUE(tree.add("base", folder()));
  ASSERT_TRUE(tree.add("base/1", folder()));
  ASSERT_TRUE(tree.add("base/5", folder()));
  const auto late = tree.add("base/1/100", Entry{});
  ASSERT_FALSE(late) << "its folder is stored already";
  EXPECT_EQ(late.error().kind, ErrorKind::kCorrupt);
}

TEST_F(TreeBuilderTest, RefusesANameThatComesTwice) {
  TreeBuilder tree = builder();
  ASSERT_TRUE(tree.add("base", folder()));
  EXPECT_FALSE(tree.add("base", folder()));
  ASSERT_TRUE(tree.add("base/x", Entry{}));
  ASSERT_TRUE(tree.add("base/x", Entry{}));
  EXPECT_FALSE(tree.finish());
}

}  // namespace
}  // namespace reprieve
