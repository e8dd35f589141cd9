#include "source/postgresql/tar.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

namespace reprieve {
namespace {

struct Fields {
  std::string name = "base/5/2619";
  char type = '0';
  std::uint64_t size = 0;
  std::string prefix = {};
  std::string link = {};
  bool is_base256 = false;
};

void put(std::string& block, std::size_t at, std::string_view text) {
  block.replace(at, text.size(), text);
}

void seal(std::string& block) {
  put(block, 148, "        ");
  unsigned sum = 0;
  for (const char c : block)
    sum += static_cast<unsigned char>(c);
  put(block, 148, fmt::format("{:06o}", sum) + '\0' + ' ');
}

std::string header(const Fields& f) {
  std::string block(512, '\0');
  put(block, 0, f.name);
  put(block, 100, "0000600 ");
  put(block, 108, "0000145 ");
  put(block, 116, "0000150 ");
  if (f.is_base256) {
    block[124] = '\x80';
    for (std::size_t i = 0; i < 8; ++i)
      block[135 - i] = static_cast<char>((f.size >> (8 * i)) & 0xFF);
  } else {
    put(block, 124, fmt::format("{:011o} ", f.size));
  }
  put(block, 136, "14000000000 ");
  block[156] = f.type;
  put(block, 157, f.link);
  put(block, 257, std::string{"ustar\0", 6} + "00");
  put(block, 265, "postgres");
  put(block, 297, "pgsql");
  put(block, 345, f.prefix);
  seal(block);
  return block;
}

/// Writes down what the parser says, one line each.
class Recorder : public TarVisitor {
 public:
  Result<> begin(TarMember member) override {
    member_ = std::move(member);
    content_.clear();
    return kOk;
  }
  Result<> data(ByteView bytes) override {
    content_ += as_text(bytes);
    return kOk;
  }
  Result<> end() override {
    lines.push_back(member_.path + "=" + content_);
    return kOk;
  }
  std::vector<std::string> lines;

 private:
  TarMember member_;
  std::string content_;
};

std::string padded(std::string content) {
  content.resize((content.size() + 511) / 512 * 512, '\0');
  return content;
}

TEST(Tar, ReadsMembersHoweverTheStreamIsCut) {
  const std::string archive = header({.name = "base/", .type = '5'}) +
                              header({.name = "base/1", .size = 5}) + padded("hello") +
                              header({.name = "empty"}) + header({.name = "long", .size = 700}) +
                              padded(std::string(700, 'x')) + std::string(1024, '\0');
  for (const std::size_t step : {1U, 7U, 511U, 512U, 513U, 100'000U}) {
    SCOPED_TRACE("pieces of " + std::to_string(step));
    Recorder seen;
    TarParser parser{seen};
    for (std::size_t at = 0; at < archive.size(); at += step)
      ASSERT_TRUE(parser.feed(as_bytes(std::string_view{archive}.substr(at, step))));
    ASSERT_TRUE(parser.finish());
    EXPECT_EQ(seen.lines, (std::vector<std::string>{"base=", "base/1=hello",
                                                    "empty=", "long=" + std::string(700, 'x')}));
  }
}

TEST(Tar, KeepsModeOwnerAndTime) {
  const auto member = parse_tar_header(as_bytes(header({.size = 8192})));
  ASSERT_TRUE(member && *member);
  EXPECT_EQ((*member)->mode, 0600);
  EXPECT_EQ((*member)->owner, (Owner{0145, 0150, "postgres", "pgsql"}));
  EXPECT_EQ((*member)->modified, (FileTime{014000000000, 0}));
  EXPECT_EQ((*member)->size, 8192U);
}

TEST(Tar, JoinsAPrefixAndReadsLinksAndLargeSizes) {
  const auto joined = parse_tar_header(as_bytes(header({.name = "file", .prefix = "a/b"})));
  ASSERT_TRUE(joined && *joined);
  EXPECT_EQ((*joined)->path, "a/b/file");
  const auto link = parse_tar_header(
      as_bytes(header({.name = "pg_tblspc/16385/", .type = '2', .link = "/srv/space"})));
  ASSERT_TRUE(link && *link);
  EXPECT_EQ((*link)->target, "/srv/space");
  const auto large = parse_tar_header(as_bytes(header({.size = 10ULL << 30, .is_base256 = true})));
  ASSERT_TRUE(large && *large);
  EXPECT_EQ((*large)->size, 10ULL << 30);
}

TEST(Tar, RefusesNamesThatLeaveTheFolder) {
  for (const char* name : {"/etc/passwd", "../x", "a/../../x", "a//b", "..", ".", "/", "a/./b"}) {
    const auto member = parse_tar_header(as_bytes(header({.name = name})));
    ASSERT_FALSE(member) << name;
    EXPECT_EQ(member.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(Tar, RefusesDamagedHeaders) {
  std::string wrong_sum = header({});
  wrong_sum[0] = 'X';
  EXPECT_FALSE(parse_tar_header(as_bytes(wrong_sum)));
  std::string no_magic = header({});
  put(no_magic, 257, "xxxxx");
  seal(no_magic);
  EXPECT_FALSE(parse_tar_header(as_bytes(no_magic)));
  std::string bad_number = header({});
  put(bad_number, 124, "12x");
  seal(bad_number);
  EXPECT_FALSE(parse_tar_header(as_bytes(bad_number)));
  EXPECT_FALSE(parse_tar_header(as_bytes(header({.type = '3'})))) << "a device";
  EXPECT_FALSE(parse_tar_header(as_bytes(header({.type = '5', .size = 1}))));
  EXPECT_FALSE(parse_tar_header(as_bytes(header({.size = 1ULL << 50, .is_base256 = true}))));
}

TEST(Tar, NoticesAnArchiveThatEndsInsideAMember) {
  Recorder seen;
  TarParser parser{seen};
  ASSERT_TRUE(parser.feed(as_bytes(header({.size = 5}) + "hel")));
  EXPECT_FALSE(parser.finish());
}

TEST(Tar, AcceptsAnArchiveWithoutClosingBlocksButNoMemberBehindThem) {
  Recorder seen;
  TarParser parser{seen};
  ASSERT_TRUE(parser.feed(as_bytes(header({}))));
  EXPECT_TRUE(parser.finish());
  ASSERT_TRUE(parser.feed(as_bytes(std::string(512, '\0'))));
  EXPECT_FALSE(parser.feed(as_bytes(header({}))));
}

}  // namespace
}  // namespace reprieve
