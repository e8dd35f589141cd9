#include "mount/internal/file_map.hpp"

#include <gtest/gtest.h>

#include <string>

namespace reprieve::mount {
namespace {

Content content_of(std::uint64_t size, std::vector<Hole> holes) {
  Content content;
  content.size = size;
  content.holes = std::move(holes);
  return content;
}

std::vector<ChunkRef> chunks_of(std::initializer_list<std::uint32_t> lengths) {
  std::vector<ChunkRef> chunks;
  for (const std::uint32_t length : lengths)
    chunks.push_back({{}, length});
  return chunks;
}

/// "c0+3:5" is 5 bytes from byte 3 of chunk 0, "z:4" four zeros.
std::string pieces(const FileMap& map, std::uint64_t offset, std::size_t length) {
  std::string text;
  for (const FileMap::Piece& piece : map.pieces(offset, length)) {
    if (!text.empty()) text += ' ';
    if (piece.kind == FileMap::Piece::Kind::kZeros)
      text += "z";
    else if (piece.kind == FileMap::Piece::Kind::kInline)
      text += "i+" + std::to_string(piece.offset);
    else
      text += "c" + std::to_string(piece.chunk) + "+" + std::to_string(piece.offset);
    text += ":" + std::to_string(piece.length);
  }
  return text;
}

TEST(FileMap, FindsChunksByOffset) {
  const auto map = FileMap::make(content_of(30, {}), chunks_of({10, 15, 5}));
  ASSERT_TRUE(map);
  EXPECT_EQ(pieces(*map, 0, 100), "c0+0:10 c1+0:15 c2+0:5");
  EXPECT_EQ(pieces(*map, 9, 2), "c0+9:1 c1+0:1");
  EXPECT_EQ(pieces(*map, 10, 1), "c1+0:1");
  EXPECT_EQ(pieces(*map, 29, 5), "c2+4:1");
  EXPECT_EQ(pieces(*map, 30, 5), "");
  EXPECT_EQ(pieces(*map, UINT64_MAX, 5), "");
}

TEST(FileMap, PutsHolesBetweenWhatIsStored) {
  const auto map =
      FileMap::make(content_of(100, {{0, 10}, {15, 5}, {90, 10}}), chunks_of({50, 25}));
  ASSERT_TRUE(map);
  EXPECT_EQ(pieces(*map, 0, 100), "z:10 c0+0:5 z:5 c0+5:45 c1+0:25 z:10");
  EXPECT_EQ(pieces(*map, 12, 5), "c0+2:3 z:2");
  EXPECT_EQ(pieces(*map, 95, 50), "z:5");
}

TEST(FileMap, ReadsInlineBytesAndFilesThatAreAllHole) {
  Content small = content_of(3, {});
  small.inline_bytes = copy_of(as_bytes("abc"));
  EXPECT_EQ(pieces(*FileMap::make(small, {}), 1, 9), "i+1:2");
  EXPECT_EQ(pieces(*FileMap::make(content_of(7, {{0, 7}}), {}), 2, 3), "z:3");
  EXPECT_EQ(pieces(*FileMap::make(content_of(0, {}), {}), 0, 3), "");
}

TEST(FileMap, RefusesChunksThatDoNotAddUp) {
  EXPECT_FALSE(FileMap::make(content_of(30, {}), chunks_of({10, 15})));
  EXPECT_FALSE(FileMap::make(content_of(30, {}), chunks_of({10, 25})));
  EXPECT_FALSE(FileMap::make(content_of(1ULL << 31U, {}), chunks_of({1U << 31U})));
}

TEST(SeekContent, GoesToTheNextDataOrHole) {
  const Content content = content_of(100, {{10, 10}, {90, 10}});
  EXPECT_EQ(seek_content(content, 0, true), 0U);
  EXPECT_EQ(seek_content(content, 12, true), 20U);
  EXPECT_EQ(seek_content(content, 92, true), std::nullopt);
  EXPECT_EQ(seek_content(content, 0, false), 10U);
  EXPECT_EQ(seek_content(content, 12, false), 12U);
  EXPECT_EQ(seek_content(content, 20, false), 90U);
  EXPECT_EQ(seek_content(content_of(100, {}), 7, false), 100U);
  EXPECT_EQ(seek_content(content, 100, false), std::nullopt);
}

}  // namespace
}  // namespace reprieve::mount
