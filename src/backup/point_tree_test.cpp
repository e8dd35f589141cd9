#include "backup/point_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/browse_fake_test.hpp"

namespace reprieve::backup {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> names_in(const PointTree& tree, const PointTree::Node& node) {
  const auto children = tree.children(node);
  std::vector<std::string> names;
  if (!children) return {"error"};
  for (const PointTree::Node& child : *children)
    names.push_back(child.entry.name);
  return names;
}

class PointTrees : public ::testing::Test {
 protected:
  PointTrees() {
    reader.directories[std::byte{1}] = {BrowseFake::file("a", "1"),
                                        BrowseFake::directory("sub", 2)};
    reader.directories[std::byte{2}] = {BrowseFake::file("b", "2")};
  }
  static std::string found(const PointTree& tree, std::string_view path) {
    const auto way = tree.find(path);
    if (!way) return way.error().what;
    return std::to_string(way->size()) + ":" + way->back().entry.name;
  }
  BrowseFake reader;
};

TEST_F(PointTrees, PutASingleCapturedFolderAtTheRoot) {
  const PointTree tree{reader, {BrowseFake::directory("/srv/data", 1)}};

  EXPECT_FALSE(tree.root().is_virtual);
  EXPECT_THAT(names_in(tree, tree.root()), ElementsAre("a", "sub"));
}

TEST_F(PointTrees, FindAPathAsItWasCapturedAndFromTheRoot) {
  const PointTree tree{reader, {BrowseFake::directory("/srv/data", 1)}};

  EXPECT_EQ(found(tree, "/srv/data/sub/b"), "3:b");
  EXPECT_EQ(found(tree, "sub/b"), "3:b");
  EXPECT_EQ(found(tree, "./sub/"), "2:sub");
  EXPECT_EQ(found(tree, "/srv/data"), "1:");
  EXPECT_EQ(found(tree, "."), "1:");
  EXPECT_EQ(found(tree, "/srv/database"), "the recovery point has no '/srv/database'");
}

TEST_F(PointTrees, PutASingleFileIntoTheRootUnderItsLastName) {
  const PointTree tree{reader, {BrowseFake::file("/etc/fstab", "x")}};

  EXPECT_TRUE(tree.root().is_virtual);
  EXPECT_THAT(names_in(tree, tree.root()), ElementsAre("fstab"));
  EXPECT_EQ(found(tree, "/etc/fstab"), "2:fstab");
  EXPECT_EQ(found(tree, "fstab"), "2:fstab");
}

TEST_F(PointTrees, PutSeveralPathsBelowMadeUpFolders) {
  const PointTree tree{
      reader, {BrowseFake::file("/etc/fstab", "x"), BrowseFake::directory("/srv/data", 1)}};

  EXPECT_THAT(names_in(tree, tree.root()), ElementsAre("etc", "srv"));
  EXPECT_TRUE((*tree.find("srv"))[1].is_virtual);
  EXPECT_FALSE((*tree.find("srv/data"))[2].is_virtual);
  EXPECT_EQ(found(tree, "/srv/data/sub/b"), "5:b");
}

TEST_F(PointTrees, PutAPathInsideOfAnotherOneIntoIt) {
  const PointTree tree{reader,
                       {BrowseFake::directory("/srv", 1), BrowseFake::file("/srv/a", "2"),
                        BrowseFake::directory("/srv/sub/deep", 2)}};

  EXPECT_THAT(names_in(tree, (*tree.find("srv"))[1]), ElementsAre("a", "sub"));
  EXPECT_EQ(as_text((*tree.find("srv/a"))[2].entry.content.inline_bytes), "2");
  EXPECT_THAT(names_in(tree, (*tree.find("srv/sub"))[2]), ElementsAre("b", "deep"));
}

}  // namespace
}  // namespace reprieve::backup
