#include "repository/internal/pack_builder.hpp"

#include <gtest/gtest.h>

#include "repository/internal/label.hpp"
#include "repository/internal/pack_check.hpp"
#include "repository/internal/test_keys.hpp"
#include "repository/internal/test_pack.hpp"
#include "repository/internal/trailer.hpp"

namespace reprieve::repository {
namespace {

/// Of random bytes, which are stored as they are: a compressor's next version changes nothing.
Bytes golden_pack() {
  const TestPack source{1};
  SeededRandom random{77};
  PackBuilder builder{kDataPack, {source.session.entry}, 0};
  const FrameBinding binding{source.keys.credentials().repository, source.session.entry.epoch,
                             kDataPack, Codec::kStored, 0};
  for (std::uint32_t size = 1; size < 40'000; size = size * 3 + 11) {
    Bytes raw(size);
    random.fill(raw);
    PackContents::Chunk chunk;
    chunk.id = source.keys.chunk_id(ChunkType::kData, raw);
    chunk.length = size;
    builder.add(seal_frame(source.session.shared, binding, random, raw, 1), 0, {chunk});
  }
  const FinishedPack pack = std::move(builder).finish(source.keys, source.id, random);
  return copy_of(pack.object());
}

TEST(PackBuilder, MakesTheSameBytesFromTheSameRandomness) {
  // A change of this hash is a change of the format: old readers would not understand it.
  EXPECT_EQ(to_hex(crypto::sha256(golden_pack())),
            "bf056c1eba4f1621cf6916548abf20f6c64e3d6b0f05083f9658bc83b8822b55");
}

TEST(PackBuilder, MakesAPackThatItsLabelDescribesToTheByte) {
  const TestPack source{2};
  const FinishedPack pack = source.build();
  const PackCheck check = check_pack(pack.contents.id, pack.object());
  EXPECT_TRUE(check.is_whole());
  EXPECT_EQ(check.describe(), "");
  ASSERT_TRUE(check.label);
  EXPECT_EQ(check.label->object_bytes(), pack.object().size());
  EXPECT_EQ(pack.contents.object_bytes, pack.object().size());
  EXPECT_EQ(check.label_bytes, pack.contents.label);
  EXPECT_EQ(check.label->writer, source.keys.writer_id());
  EXPECT_TRUE(label_is_signed_by(pack.contents.label, source.keys.signing_key().public_key()));
  EXPECT_FALSE(label_is_signed_by(pack.contents.label, crypto::PublicKey{}));
}

TEST(PackBuilder, MakesATrailerThatListsWhatWasAdded) {
  const TestPack source{3};
  const FinishedPack pack = source.build();
  const auto label = parse_label(pack.contents.label);
  ASSERT_TRUE(label);
  const ByteView sealed =
      pack.object().subspan(label->label_bytes + label->trailer_offset, label->trailer_length);
  const auto trailer = open_trailer(source.keys, *label, sealed);
  ASSERT_TRUE(trailer);
  ASSERT_EQ(trailer->frames.size(), pack.contents.frames.size());
  ASSERT_EQ(trailer->chunks.size(), pack.contents.chunks.size());
  for (std::size_t i = 0; i < trailer->chunks.size(); ++i) {
    const auto& read = trailer->chunks[i];
    const auto& written = pack.contents.chunks[i];
    EXPECT_EQ(read.id, written.id);
    EXPECT_EQ(read.type, written.type);
    EXPECT_EQ(read.frame, written.frame);
    EXPECT_EQ(read.offset, written.offset);
    EXPECT_EQ(read.length, written.length);
    EXPECT_EQ(read.children, written.children);
  }
}

TEST(PackBuilder, SaysWhenABodyIsFull) {
  const TestPack source{4};
  PackBuilder builder{kDataPack, {source.session.entry}, 0};
  SealedFrame frame;
  frame.raw_length = 8 * 1024 * 1024;
  frame.sealed.resize(frame.raw_length + crypto::kTagBytes);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(builder.has_room_for(frame, {}));
    builder.add(frame, 0, {});
  }
  EXPECT_FALSE(builder.has_room_for(frame, {}));
}

}  // namespace
}  // namespace reprieve::repository
