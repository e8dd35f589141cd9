#include "backup/tar_header.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprieve::backup {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string header(const std::string& path, const Entry& entry, const std::string& link = "") {
  const auto blocks = tar_header(path, entry, link);
  EXPECT_TRUE(blocks);
  EXPECT_EQ(blocks->size() % kTarBlock, 0U);
  return std::string{as_text(*blocks)};
}

Entry file() {
  Entry entry;
  entry.mode = 0644;
  entry.owner = {0, 0, "root", "root"};
  entry.modified = {1'000'000'000, 0};
  return entry;
}

TEST(TarHeader, IsOneBlockForWhatUstarCanSay) {
  const std::string block = header("a/b", file());
  EXPECT_EQ(block.size(), kTarBlock);
  EXPECT_EQ(block.substr(0, 4), std::string("a/b\0", 4));
  EXPECT_EQ(block.substr(136, 11), "07346545000");
  EXPECT_EQ(block[156], '0');
}

TEST(TarHeader, SaysTimesToTheNanosecondAwayFromZero) {
  const auto time = [](FileTime at) {
    Entry entry = file();
    entry.modified = at;
    const std::string blocks = header("x", entry);
    const auto from = blocks.find("mtime=") + 6;
    return blocks.substr(from, blocks.find('\n', from) - from);
  };
  EXPECT_EQ(time({5, 7}), "5.000000007");
  EXPECT_EQ(time({-5, 5}), "-4.999999995");
  EXPECT_EQ(time({-1, 999'999'999}), "-0.000000001");
  EXPECT_EQ(time({-3, 0}), "-3");
  EXPECT_EQ(time({9'999'999'999, 0}), "9999999999");
}

TEST(TarHeader, CountsTheLengthOfARecordWithItself) {
  Entry entry = file();
  // "99 " to "100 ": the number that says the length makes it longer.
  for (std::size_t size = 60; size < 130; ++size) {
    entry.xattrs = {{"user.n", Bytes(size, std::byte{'v'})}};
    const std::string blocks = header("x", entry);
    const std::string records = blocks.substr(kTarBlock);
    const std::size_t length = std::stoul(records);
    EXPECT_EQ(records[length - 1], '\n') << size;
    EXPECT_EQ(records.substr(records.find('=') + 1, size), std::string(size, 'v'));
  }
}

TEST(TarHeader, KeepsNamesThatAreNoText) {
  EXPECT_THAT(header("\xff\xfe", file()), HasSubstr("hdrcharset=BINARY\n"));
  EXPECT_THAT(header("\xff\xfe", file()), HasSubstr("path=\xff\xfe\n"));
  EXPECT_THAT(header("\xc3\xbc", file()), Not(HasSubstr("hdrcharset")));
  EXPECT_THAT(header(std::string(101, 'n'), file()), HasSubstr("path=" + std::string(101, 'n')));
}

TEST(TarHeader, WritesAnAclAsText) {
  Entry entry = file();
  const unsigned char acl[] = {2, 0,    0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,  4,
                               0, 0xe8, 3,   0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16, 0,
                               4, 0,    255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255};
  const ByteView bytes = std::as_bytes(std::span{acl});
  entry.xattrs = {{"system.posix_acl_access", copy_of(bytes)}};
  EXPECT_THAT(
      header("x", entry),
      HasSubstr("SCHILY.acl.access=user::rw-,user:1000:r--,group::r--,mask::r--,other::---\n"));
  entry.xattrs[0].value.resize(7);
  EXPECT_THAT(header("x", entry), HasSubstr("SCHILY.xattr.system.posix_acl_access="));
}

TEST(TarHeader, MapsTheRunsOfASparseFile) {
  Entry entry = file();
  entry.content.size = 10'000;
  entry.content.holes = {{0, 4096}, {5000, 5000}};
  const std::string blocks = header("dir/s", entry);
  EXPECT_THAT(blocks, HasSubstr("GNU.sparse.realsize=10000\n"));
  EXPECT_THAT(blocks, HasSubstr("GNU.sparse.name=dir/s\n"));
  EXPECT_THAT(blocks.substr(blocks.size() - kTarBlock), HasSubstr("2\n4096\n904\n10000\n0\n"));
  // Map and stored bytes: 512 + 904.
  EXPECT_THAT(blocks, HasSubstr("00000002610"));
}

TEST(TarHeader, WritesALinkWithoutDataAndRefusesASocket) {
  Entry entry = file();
  entry.content.size = 99;
  const std::string block = header("b", entry, "a");
  EXPECT_EQ(block[156], '1');
  EXPECT_EQ(block.substr(124, 11), "00000000000");
  EXPECT_EQ(block.substr(157, 2), std::string("a\0", 2));
  entry.type = EntryType::kSocket;
  EXPECT_FALSE(tar_header("s", entry, ""));
}

}  // namespace
}  // namespace reprieve::backup
