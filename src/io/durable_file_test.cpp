#include "io/durable_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "io/temporary_folder.hpp"

namespace reprieve::io {
namespace {

class DurableFileTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path(name); }
  std::string text(const std::string& name) const {
    const auto read = read_text_file(path(name), ByteCount{1000});
    return read ? *read : "error";
  }
  std::vector<std::string> names() const { return *list_dir(folder_.path()); }
  TemporaryFolder folder_ = *TemporaryFolder::create();
};

TEST_F(DurableFileTest, AppearsOnlyWithItsCommit) {
  auto file = *AtomicFile::create(path("a"));
  ASSERT_TRUE(file.write(as_bytes("whole")));
  EXPECT_FALSE(exists(path("a")));
  ASSERT_TRUE(file.commit_new());
  EXPECT_EQ(text("a"), "whole");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(DurableFileTest, LeavesNothingWithoutACommit) {
  {
    auto file = *AtomicFile::create(path("a"));
    ASSERT_TRUE(file.write(as_bytes("half")));
  }
  EXPECT_EQ(names(), std::vector<std::string>{});
}

TEST_F(DurableFileTest, RefusesToReplaceUnlessAskedTo) {
  ASSERT_TRUE(write_file_durably(path("a"), as_bytes("one")));
  {
    auto file = *AtomicFile::create(path("a"));
    ASSERT_TRUE(file.write(as_bytes("two")));
    EXPECT_EQ(file.commit_new().error().kind, ErrorKind::kConflict);
  }
  EXPECT_EQ(text("a"), "one");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
  ASSERT_TRUE(write_file_durably(path("a"), as_bytes("two")));
  EXPECT_EQ(text("a"), "two");
}

TEST_F(DurableFileTest, GetsTheModeAskedFor) {
  ASSERT_TRUE(write_file_durably(path("key"), as_bytes("k"), 0400));
  struct ::stat status {};
  ASSERT_EQ(::stat(path("key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0400U);
}

TEST_F(DurableFileTest, TakesTheLongestNames) {
  const std::string name(255, 'n');
  ASSERT_TRUE(write_file_durably(path(name), as_bytes("x")));
  EXPECT_EQ(text(name), "x");
}

TEST_F(DurableFileTest, NeedsItsFolder) {
  EXPECT_EQ(AtomicFile::create(path("no/such")).error().kind, ErrorKind::kNotFound);
}

TEST_F(DurableFileTest, MakesAllMissingFolders) {
  EXPECT_TRUE(create_directories_durably(path("a/b/c")));
  EXPECT_TRUE(create_directories_durably(path("a/b/c/")));
  EXPECT_TRUE(exists(path("a/b/c")));
  std::ofstream{path("file")} << "x";
  EXPECT_EQ(create_directories_durably(path("file")).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(create_directories_durably(path("file/sub")).error().kind, ErrorKind::kInvalid);
}

TEST(TemporaryFolder, IsRemovedWithAllThatIsInIt) {
  std::string where;
  {
    const auto folder = *TemporaryFolder::create();
    where = folder.path();
    ASSERT_TRUE(create_directories_durably(folder.path("a/b")));
  }
  EXPECT_FALSE(exists(where));
}

TEST(TemporaryFolder, StaysIfKept) {
  auto folder = *TemporaryFolder::create();
  const std::string where = folder.keep();
  { const TemporaryFolder moved = std::move(folder); }
  EXPECT_TRUE(exists(where));
  EXPECT_TRUE(remove_tree(where));
}

}  // namespace
}  // namespace reprieve::io
