#include "repository/internal/trailer.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "base/codec.hpp"
#include "repository/internal/frame.hpp"
#include "repository/internal/test_pack.hpp"

namespace reprieve::repository {
namespace {

PackLabel tree_label() {
  PackLabel label;
  label.pack_type = kTreePack;
  label.trailer_offset = 10000;
  label.keys.resize(2);
  return label;
}

TrailerContents good_contents() {
  TrailerContents contents;
  contents.frames = {{0, 4000, 9000, Codec::kZstd, 0, {}},
                     {5000, 5000, 4984, Codec::kStored, 1, {}}};
  contents.chunks = {{ChunkId{}, ChunkType::kTree, 0, 0, 9000, {ChunkId{}, ChunkId{}}},
                     {ChunkId{}, ChunkType::kList, 1, 84, 4900, {}},
                     {ChunkId{}, ChunkType::kTree, 1, 4984, 0, {ChunkId{}}}};
  return contents;
}

Bytes encode(const TrailerContents& contents, std::uint8_t type = kTreePack) {
  return encode_trailer(type, contents.frames, contents.chunks);
}

TEST(PackTrailer, GivesBackWhatWasEncoded) {
  const TrailerContents contents = good_contents();
  const auto parsed = parse_trailer(encode(contents), tree_label());
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->frames.size(), 2U);
  EXPECT_EQ(parsed->frames[1].offset, 5000U);
  EXPECT_EQ(parsed->frames[1].key, 1U);
  ASSERT_EQ(parsed->chunks.size(), 3U);
  EXPECT_EQ(parsed->chunks[0].children.size(), 2U);
  EXPECT_EQ(parsed->chunks[1].children.size(), 0U);
  EXPECT_EQ(parsed->chunks[2].children.size(), 1U);
}

TEST(PackTrailer, TakesNoMoreBytesThanItsBound) {
  const TrailerContents contents = good_contents();
  std::size_t bound = 1 + 3 * 5;
  for (const auto& frame : contents.frames)
    bound += trailer_bytes_of(frame);
  for (const auto& chunk : contents.chunks)
    bound += trailer_bytes_of(chunk);
  EXPECT_LE(encode(contents).size(), bound);
}

TEST(PackTrailer, RefusesEveryTruncation) {
  const Bytes plain = encode(good_contents());
  for (std::size_t size = 0; size < plain.size(); ++size)
    ASSERT_FALSE(parse_trailer(ByteView{plain}.first(size), tree_label())) << size;
}

TEST(PackTrailer, RefusesWhatDoesNotFitThePack) {
  using Break = std::function<void(TrailerContents&)>;
  const std::pair<const char*, Break> breaks[] = {
      {"frame behind the body", [](auto& c) { c.frames[1].sealed_length = 5001; }},
      {"frames that overlap", [](auto& c) { c.frames[0].sealed_length = 5001; }},
      {"frames out of order", [](auto& c) { std::swap(c.frames[0], c.frames[1]); }},
      {"frame without a tag", [](auto& c) { c.frames[0].sealed_length = 15; }},
      {"frame too large", [](auto& c) { c.frames[0].raw_length = kFrameRawMax + 1; }},
      {"unknown codec", [](auto& c) { c.frames[0].codec = static_cast<Codec>(2); }},
      {"unknown key", [](auto& c) { c.frames[0].key = 2; }},
      {"chunk of no frame", [](auto& c) { c.chunks[0].frame = 2; }},
      {"chunk behind its frame", [](auto& c) { c.chunks[0].length = 9001; }},
      {"chunk that wraps around", [](auto& c) { c.chunks[0].offset = UINT32_MAX; }},
      {"data in a tree pack", [](auto& c) { c.chunks[0].type = ChunkType::kData; }},
      {"unknown type", [](auto& c) { c.chunks[0].type = static_cast<ChunkType>(4); }},
  };
  for (const auto& [what, change] : breaks) {
    TrailerContents contents = good_contents();
    change(contents);
    const auto parsed = parse_trailer(encode(contents), tree_label());
    ASSERT_FALSE(parsed) << what;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorrupt);
  }
  EXPECT_FALSE(parse_trailer(encode(good_contents(), kDataPack), tree_label()));
}

TEST(PackTrailer, RefusesChildrenOfAChunkThatIsNotThere) {
  Encoder out;
  out.raw(encode_trailer(kTreePack, {}, {}));
  Bytes plain = copy_of(out.view().first(out.size() - 1));
  plain.push_back(std::byte{1});
  plain.push_back(std::byte{0});
  plain.push_back(std::byte{0});
  EXPECT_FALSE(parse_trailer(plain, tree_label()));
}

TEST(PackTrailer, RefusesCountsThatTheBytesCannotHold) {
  Encoder out;
  out.u8(1);
  out.varint(UINT64_MAX);
  EXPECT_FALSE(parse_trailer(out.view(), tree_label()));
}

TEST(PackTrailer, OpensOnlyUnderItsSession) {
  const TestPack source{1};
  const FinishedPack pack = source.build();
  auto label = parse_label(pack.contents.label);
  ASSERT_TRUE(label);
  const Bytes sealed = copy_of(
      pack.object().subspan(label->label_bytes + label->trailer_offset, label->trailer_length));
  ASSERT_TRUE(open_trailer(source.keys, *label, sealed));
  EXPECT_FALSE(open_trailer(source.keys, *label, ByteView{sealed}.first(sealed.size() - 1)));
  label->session[0] ^= std::byte{1};
  const auto opened = open_trailer(source.keys, *label, sealed);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace reprieve::repository
