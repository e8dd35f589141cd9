#include "io/directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "io/durable_file.hpp"
#include "io/temporary_folder.hpp"

namespace reprieve::io {
namespace {

class DirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(root_.make_directory("sub"));
    std::ofstream{folder_.path("sub/file")} << "inside";
  }
  TemporaryFolder folder_ = *TemporaryFolder::create();
  TemporaryFolder outside_ = *TemporaryFolder::create();
  Directory root_ = *Directory::open(folder_.path());
};

TEST_F(DirectoryTest, OpensWhatLiesBelow) {
  EXPECT_TRUE(root_.open_file("sub/file", O_RDONLY));
  const auto sub = root_.open_directory("sub");
  ASSERT_TRUE(sub);
  EXPECT_TRUE(sub->open_file("file", O_RDONLY));
  EXPECT_EQ(root_.open_file("sub/absent", O_RDONLY).error().kind, ErrorKind::kNotFound);
}

TEST_F(DirectoryTest, NeverLeavesItself) {
  ASSERT_EQ(::symlink(outside_.path().c_str(), folder_.path("away").c_str()), 0);
  ASSERT_EQ(::symlink("file", folder_.path("sub/link").c_str()), 0);
  std::ofstream{outside_.path("secret")} << "outside";
  for (const std::string path : {"..", "../x", "sub/../..", "/etc/passwd", "away", "away/secret",
                                 "sub/link", "/proc/self/cwd"}) {
    EXPECT_FALSE(root_.open_file(path, O_RDONLY)) << path;
    EXPECT_FALSE(root_.open_directory(path)) << path;
  }
  EXPECT_FALSE(root_.open_file("away/new", O_WRONLY | O_CREAT));
  EXPECT_FALSE(exists(outside_.path("new")));
}

TEST_F(DirectoryTest, TakesOnlySingleNamesWhereItChangesThem) {
  for (const std::string name : {"sub/file", "", ".", "..", "/"}) {
    EXPECT_EQ(root_.remove_file(name).error().kind, ErrorKind::kInvalid) << name;
    EXPECT_EQ(root_.make_directory(name).error().kind, ErrorKind::kInvalid) << name;
    EXPECT_EQ(root_.rename("sub", root_, name).error().kind, ErrorKind::kInvalid) << name;
    EXPECT_EQ(root_.rename_new(name, root_, "x").error().kind, ErrorKind::kInvalid) << name;
  }
}

TEST_F(DirectoryTest, RenamesWithoutReplacing) {
  std::ofstream{folder_.path("a")} << "a";
  std::ofstream{folder_.path("b")} << "b";
  EXPECT_EQ(root_.rename_new("a", root_, "b").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(*read_text_file(folder_.path("b"), ByteCount{9}), "b");
  EXPECT_TRUE(root_.rename_new("a", root_, "c"));
  EXPECT_TRUE(root_.rename("c", root_, "b"));
  EXPECT_EQ(*read_text_file(folder_.path("b"), ByteCount{9}), "a");
}

TEST_F(DirectoryTest, ExchangesTwoNames) {
  std::ofstream{folder_.path("a")} << "a";
  ASSERT_TRUE(root_.exchange("a", "sub"));
  EXPECT_EQ(*read_text_file(folder_.path("a/file"), ByteCount{9}), "inside");
  EXPECT_EQ(*read_text_file(folder_.path("sub"), ByteCount{9}), "a");
  EXPECT_EQ(root_.exchange("a", "absent").error().kind, ErrorKind::kNotFound);
}

TEST_F(DirectoryTest, ListsNamesOfAnyBytes) {
  const std::string odd = "\xff\n name";
  std::ofstream{folder_.path(odd)} << "x";
  EXPECT_EQ(*list_dir(folder_.path()), (std::vector<std::string>{"sub", odd}));
  EXPECT_EQ(list_dir(folder_.path("absent")).error().kind, ErrorKind::kNotFound);
}

TEST_F(DirectoryTest, ListsAfreshEachTime) {
  EXPECT_EQ(root_.list()->size(), 1U);
  ASSERT_TRUE(root_.make_directory("more"));
  EXPECT_EQ(root_.list()->size(), 2U);
}

TEST_F(DirectoryTest, TellsOfALinkItselfInStat) {
  ASSERT_EQ(::symlink("sub", folder_.path("link").c_str()), 0);
  EXPECT_TRUE(S_ISLNK(root_.stat("link")->st_mode));
}

TEST(RemoveTree, RemovesAllBelowAndNothingElse) {
  const auto folder = *TemporaryFolder::create();
  const auto outside = *TemporaryFolder::create();
  std::ofstream{outside.path("precious")} << "x";
  ASSERT_TRUE(create_directories_durably(folder.path("t/a/b/c")));
  std::ofstream{folder.path("t/a/b/file")} << "x";
  ASSERT_EQ(::symlink(outside.path().c_str(), folder.path("t/a/away").c_str()), 0);
  ASSERT_EQ(::chmod(folder.path("t/a/b").c_str(), 0), 0);

  EXPECT_TRUE(remove_tree(folder.path("t")));

  EXPECT_FALSE(exists(folder.path("t")));
  EXPECT_TRUE(exists(outside.path("precious")));
  EXPECT_TRUE(remove_tree(folder.path("t"))) << "an absent path is success";
  EXPECT_TRUE(remove_tree(folder.path("no/such"))) << "an absent parent too";
}

TEST(RemoveTree, CountsWhatIsGone) {
  const auto folder = *TemporaryFolder::create();
  ASSERT_TRUE(create_directories_durably(folder.path("t/a/b")));
  std::ofstream{folder.path("t/a/file")} << "x";
  const auto parent = *Directory::open(folder.path());
  std::uint64_t removed = 1;
  EXPECT_TRUE(remove_tree(parent, "t", Immutable::kRespect, removed));
  EXPECT_EQ(removed, 5U);
  EXPECT_TRUE(remove_tree(parent, "t", Immutable::kRespect, removed));
  EXPECT_EQ(removed, 5U);
  EXPECT_EQ(remove_tree(parent, "..", Immutable::kThaw, removed).error().kind, ErrorKind::kInvalid);
}

TEST(RemoveTree, ThawsOnlyWhenToldTo) {
  const auto folder = *TemporaryFolder::create();
  ASSERT_TRUE(create_directories_durably(folder.path("t/frozen")));
  std::ofstream{folder.path("t/frozen/file")} << "x";
  const auto mark = [&](const std::string& name) {
    const auto file = open_file(folder.path(name), O_RDONLY);
    const int flags = FS_IMMUTABLE_FL;
    return file && ::ioctl(file->fd(), FS_IOC_SETFLAGS, &flags) == 0;
  };
  if (!mark("t/frozen/file") || !mark("t/frozen"))
    GTEST_SKIP() << "this user or file system marks nothing as immutable";
  const auto parent = *Directory::open(folder.path());
  std::uint64_t removed = 0;
  EXPECT_EQ(remove_tree(parent, "t", Immutable::kRespect, removed).error().kind,
            ErrorKind::kDenied);
  EXPECT_TRUE(exists(folder.path("t/frozen/file")));
  EXPECT_TRUE(remove_tree(parent, "t", Immutable::kThaw, removed));
  EXPECT_EQ(removed, 3U);
}

TEST_F(DirectoryTest, OpensAgainWhatADescriptorIsOpenOn) {
  const auto again = Directory::reopen(root_.fd());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->open_file("sub/file", O_RDONLY));
}

TEST_F(DirectoryTest, SaysThatTheFileItselfForbids) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may look like somebody else";
  // Only the owner may leave the access time alone: EPERM, though no sandbox is in the way.
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(folder_.path("sub").c_str(), 0755), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  const FileHandle refused{open_beneath(root_.fd(), "sub", O_RDONLY | O_NOATIME)};
  const int error = errno;
  const FileHandle opened{open_beneath(root_.fd(), "sub", O_RDONLY)};
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_FALSE(refused.is_open());
  EXPECT_EQ(error, EPERM);
  EXPECT_TRUE(opened.is_open());
}

TEST(RemoveTree, RemovesALinkAndNotWhatItNames) {
  const auto folder = *TemporaryFolder::create();
  ASSERT_TRUE(create_directories_durably(folder.path("real/x")));
  ASSERT_EQ(::symlink("real", folder.path("link").c_str()), 0);
  EXPECT_TRUE(remove_tree(folder.path("link")));
  EXPECT_TRUE(exists(folder.path("real/x")));
}

TEST(RemoveTree, RemovesTreesDeeperThanItHoldsOpen) {
  const auto folder = *TemporaryFolder::create();
  Directory at = *Directory::open(folder.path());
  for (int depth = 0; depth < 205; ++depth) {
    ASSERT_TRUE(at.make_directory("d"));
    at = *at.open_directory("d");
  }
  EXPECT_TRUE(remove_tree(folder.path("d")));
  EXPECT_FALSE(exists(folder.path("d")));
}

}  // namespace
}  // namespace reprieve::io
