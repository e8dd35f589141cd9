#include "io/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "io/temporary_folder.hpp"

namespace reprieve::io {
namespace {

class FileTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path(name); }
  TemporaryFolder folder_ = *TemporaryFolder::create();
};

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  const auto file = *open_file(path("a"), O_RDWR | O_CREAT);
  ASSERT_TRUE(write_all(file, as_bytes("hello ")));
  ASSERT_TRUE(pwrite_all(file, as_bytes("world"), ByteOffset{6}));
  EXPECT_EQ(size_of(file)->value, 11U);
  EXPECT_EQ(file_size(path("a"))->value, 11U);
  EXPECT_EQ(*read_text_file(path("a"), ByteCount{11}), "hello world");
  Bytes middle(3);
  ASSERT_TRUE(pread_exact(file, middle, ByteOffset{4}));
  EXPECT_EQ(as_text(middle), "o w");
}

TEST_F(FileTest, SaysCorruptWhenAFileEndsEarly) {
  std::ofstream{path("a")} << "12345";
  const auto file = *open_file(path("a"), O_RDONLY);
  Bytes six(6);
  EXPECT_EQ(pread_exact(file, six, ByteOffset{0}).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(read_exact(file, six).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(*pread_some(file, six, ByteOffset{3}), 2U);
}

TEST_F(FileTest, ReadsAFileOnlyUpToItsLimit) {
  std::ofstream{path("a")} << std::string(100'000, 'x');
  EXPECT_EQ(read_file(path("a"), ByteCount{100'000})->size(), 100'000U);
  EXPECT_EQ(read_file(path("a"), ByteCount{99'999}).error().kind, ErrorKind::kExhausted);
  EXPECT_EQ(read_file("/dev/zero", ByteCount{1000}).error().kind, ErrorKind::kExhausted);
}

TEST_F(FileTest, ReadsFilesThatTellNoSize) {
  const auto text = read_text_file("/proc/self/status", ByteCount{1 << 20});
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("Pid:"), std::string::npos);
}

TEST_F(FileTest, NamesTheFileThatIsNotThere) {
  const auto absent = read_file(path("absent"), ByteCount{1});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(absent.error().what.find(path("absent")), std::string::npos);
  EXPECT_FALSE(exists(path("absent")));
}

TEST_F(FileTest, SeesADanglingLink) {
  ASSERT_EQ(::symlink("nowhere", path("link").c_str()), 0);
  EXPECT_TRUE(exists(path("link")));
}

TEST(FileHandle, ClosesItsDescriptorOnce) {
  FileHandle first = *open_file("/dev/null", O_RDONLY);
  const int fd = first.fd();
  FileHandle second = std::move(first);
  EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move): the contract says so.
  EXPECT_EQ(second.fd(), fd);
  EXPECT_TRUE(second.close());
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  EXPECT_TRUE(second.close());
}

TEST(Paths, HaveAParentAndAName) {
  EXPECT_EQ(parent_of("/a/b"), "/a");
  EXPECT_EQ(parent_of("/a"), "/");
  EXPECT_EQ(parent_of("a"), ".");
  EXPECT_EQ(parent_of("a/b/"), "a");
  EXPECT_EQ(path_in("/a", "b"), "/a/b");
  EXPECT_EQ(path_in("/", "b"), "/b");
  EXPECT_EQ(parent_of("a//b"), "a");
  EXPECT_EQ(parent_of("/"), "/");
  EXPECT_EQ(parent_of(""), ".");
  EXPECT_EQ(name_in("/a/b"), "b");
  EXPECT_EQ(name_in("a"), "a");
  EXPECT_EQ(name_in("a/b//"), "b");
  EXPECT_EQ(name_in("/"), "");
}

}  // namespace
}  // namespace reprieve::io
