#include "source/filesystem/internal/directory_node.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "io/directory.hpp"
#include "source/filesystem/internal/inode.hpp"

namespace reprieve::filesystem {
namespace {

TEST(DirectoryHandles, StayWithinTheirBoundAtAnyDepth) {
  // Covered at depth by WalksBelowPathMax; here with the smallest bound and every level needed
  // twice.
  std::string folder = "/tmp/reprieve-handles-XXXXXX";
  if (const char* base = std::getenv("TMPDIR")) folder = std::string{base} + "/handles-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  filesystem::DirectoryHandles handles{2};
  std::vector<std::shared_ptr<DirectoryNode>> chain;
  for (int depth = 0; depth < 50; ++depth) {
    auto node = std::make_shared<DirectoryNode>();
    node->is_root = depth == 0;
    node->name = depth == 0 ? folder : "d";
    io::FileHandle handle;
    if (depth == 0) {
      handle = io::FileHandle{::open(folder.c_str(), O_RDONLY | O_DIRECTORY)};
    } else {
      node->parent = chain.back();
      filesystem::DirectoryHandles::Pin pin;
      ASSERT_EQ(handles.pin(*chain.back(), pin), 0);
      ASSERT_EQ(::mkdirat(pin.fd(), "d", 0700), 0);
      ASSERT_EQ(open_for_reading(pin.fd(), "d", O_DIRECTORY, handle), 0);
    }
    Inode inode;
    ASSERT_EQ(stat_fd(handle.fd(), inode), 0);
    node->device = inode.device;
    node->inode_number = inode.number;
    handles.adopt(*node, std::move(handle));
    chain.push_back(node);
  }
  for (const int depth : {49, 3, 25, 48, 0, 49}) {
    filesystem::DirectoryHandles::Pin pin;
    ASSERT_EQ(handles.pin(*chain[static_cast<std::size_t>(depth)], pin), 0);
    Inode inode;
    EXPECT_EQ(stat_fd(pin.fd(), inode), 0);
    EXPECT_EQ(inode.number, chain[static_cast<std::size_t>(depth)]->inode_number);
    const auto open =
        std::ranges::count_if(chain, [](const auto& node) { return node->handle.is_open(); });
    EXPECT_LE(open, 3);
  }
  EXPECT_TRUE(io::remove_tree(folder));
}

}  // namespace
}  // namespace reprieve::filesystem
