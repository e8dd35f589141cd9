#include "app/kit_archive.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace reprieve::app {
namespace {

/// What `gzip -d` would give.
std::string unpacked(const Bytes& archive) {
  constexpr int kGzipWindow = 15 + 16;
  ::z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, kGzipWindow), Z_OK);
  std::string plain(1 << 20, '\0');
  Bytes input = archive;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<unsigned>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<unsigned>(plain.size());
  EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
  plain.resize(stream.total_out);
  ::inflateEnd(&stream);
  return plain;
}

Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

TEST(KitArchive, IsATarArchiveOfWhatItWasGiven) {
  const auto archive = make_archive(std::vector<ArchiveFile>{{"a/b", 0755, bytes_of("content")}});
  ASSERT_TRUE(archive);
  const std::string tar = unpacked(*archive);
  ASSERT_EQ(tar.size(), 512U * 4) << "header, content, and two empty blocks";
  EXPECT_EQ(tar.substr(0, 4), std::string("a/b\0", 4));
  EXPECT_EQ(tar.substr(100, 7), "0000755");
  EXPECT_EQ(tar.substr(124, 11), "00000000007");
  EXPECT_EQ(tar.substr(257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(tar.substr(512, 8), std::string("content\0", 8));
}

TEST(KitArchive, OfTheSameFilesIsTheSame) {
  const std::vector<ArchiveFile> files = {{"a", 0644, bytes_of("1")}, {"b", 0644, bytes_of("2")}};
  EXPECT_EQ(*make_archive(files), *make_archive(files));
}

TEST(KitArchive, RefusesANameThatDoesNotFit) {
  const std::vector<ArchiveFile> files = {{std::string(101, 'n'), 0644, {}}};
  EXPECT_EQ(make_archive(files).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace reprieve::app
