#include "io/mapped_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/durable_file.hpp"
#include "io/file.hpp"

namespace reprieve::io {
namespace {

class MappedFileTest : public ::testing::Test {
 protected:
  MappedFileTest() {
    std::string pattern = ::testing::TempDir() + "/mapped-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~MappedFileTest() override { static_cast<void>(std::filesystem::remove_all(folder_)); }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string folder_;
};

TEST_F(MappedFileTest, ShowsTheBytesOfTheFileAlsoAfterItsNameIsGone) {
  Bytes body(100'000);
  for (std::size_t i = 0; i < body.size(); ++i)
    body[i] = static_cast<std::byte>(i * 7);
  ASSERT_TRUE(write_file_durably(path("a"), body));
  auto opened = MappedFile::open(path("a"));
  ASSERT_TRUE(opened);
  const MappedFile mapped = *std::move(opened);
  std::filesystem::remove(path("a"));
  mapped.expect_scattered_reads();
  EXPECT_EQ(copy_of(mapped.bytes()), body);
}

TEST_F(MappedFileTest, IsEmptyForAnEmptyFile) {
  ASSERT_TRUE(write_file_durably(path("empty"), {}));
  const auto mapped = MappedFile::open(path("empty"));
  ASSERT_TRUE(mapped);
  EXPECT_TRUE(mapped->bytes().empty());
}

TEST_F(MappedFileTest, SaysThatAFileIsMissing) {
  const auto mapped = MappedFile::open(path("none"));
  ASSERT_FALSE(mapped);
  EXPECT_EQ(mapped.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace reprieve::io
