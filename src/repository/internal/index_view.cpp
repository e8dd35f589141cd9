#include "repository/internal/index_view.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/codec.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

constexpr std::uint32_t kRawLengthMax = 32 * 1024 * 1024;

Error malformed(std::string_view what) {
  return Error{ErrorKind::kCorrupt, "index: " + std::string{what}};
}

std::uint32_t u32_at(ByteView bytes, std::size_t at) {
  return Decoder{bytes.subspan(at, 4)}.u32();
}

std::uint64_t big_endian_prefix(ByteView id) {
  std::uint64_t value = 0;
  std::memcpy(&value, id.data(), sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

Result<IndexView> IndexView::parse(ByteView plain) {
  Decoder in{plain};
  const ByteView magic = in.raw(kIndexMagic.size());
  const std::uint32_t version = in.u32();
  IndexView view;
  view.packs_ = in.u32();
  view.keys_ = in.u32();
  view.frames_ = in.u32();
  view.label_bytes_ = in.u32();
  view.chunks_ = in.u64();
  if (!in.ok() || as_text(magic) != kIndexMagic) return malformed("not an index");
  if (version != kIndexVersion) return malformed("its version is not known");
  if (plain.size() > kIndexBytesMax || view.chunks_ > plain.size() / kIndexChunkBytes)
    return malformed("its counts do not fit its size");
  view.plain_ = plain;
  view.packs_at_ = kIndexHeaderBytes;
  view.keys_at_ = view.packs_at_ + kIndexPackBytes * view.packs_;
  view.frames_at_ = view.keys_at_ + kIndexKeyBytes * view.keys_;
  view.chunks_at_ = view.frames_at_ + aligned_to_8(kIndexFrameBytes * view.frames_);
  view.labels_at_ = view.chunks_at_ + aligned_to_8(kIndexChunkBytes * view.chunks_);
  if (view.labels_at_ + view.label_bytes_ != plain.size())
    return malformed("its counts do not fit its size");
  REPRIEVE_RETURN_IF_ERROR(view.check_packs());
  REPRIEVE_RETURN_IF_ERROR(view.check_frames());
  REPRIEVE_RETURN_IF_ERROR(view.check_chunks());
  return view;
}

IndexView::Pack IndexView::pack(std::uint32_t number) const {
  REPRIEVE_ASSERT(number < packs_);
  Decoder in{row_bytes(packs_at_, kIndexPackBytes, number)};
  Pack pack;
  pack.number = number;
  pack.row.id = PackId{in.array<32>()};
  pack.row.object_bytes = in.u64();
  const std::uint32_t label_offset = in.u32();
  const std::uint32_t label_length = in.u32();
  pack.first_frame = in.u32();
  pack.frames = in.u32();
  pack.row.pack_type = static_cast<std::uint8_t>(in.u32());
  pack.row.trailer_length = in.u32();
  // Empty while check_packs() looks at a row that it is about to refuse.
  if (std::uint64_t{label_offset} + label_length <= label_bytes_)
    pack.row.label = plain_.subspan(labels_at_ + label_offset, label_length);
  return pack;
}

SessionKeyEntry IndexView::key(std::uint32_t number) const {
  REPRIEVE_ASSERT(number < keys_);
  Decoder in{row_bytes(keys_at_, kIndexKeyBytes, number)};
  SessionKeyEntry entry;
  entry.ephemeral = in.array<32>();
  entry.epoch = in.u32();
  entry.commitment = in.array<16>();
  return entry;
}

IndexView::Frame IndexView::frame(std::uint32_t number) const {
  REPRIEVE_ASSERT(number < frames_);
  Decoder in{row_bytes(frames_at_, kIndexFrameBytes, number)};
  Frame frame;
  frame.pack = in.u32();
  frame.offset = in.u32();
  frame.sealed_length = in.u32();
  frame.raw_length = in.u32();
  frame.salt = in.array<16>();
  frame.key = in.u16();
  frame.codec = static_cast<Codec>(in.u8());
  frame.type = in.u8();
  return frame;
}

IndexView::Chunk IndexView::chunk(std::uint64_t row) const {
  REPRIEVE_ASSERT(row < chunks_);
  const ByteView bytes = row_bytes(chunks_at_, kIndexChunkBytes, row);
  return {.id_prefix = bytes.first(kIndexIdBytes),
          .frame = u32_at(bytes, kIndexIdBytes),
          .offset = u32_at(bytes, kIndexIdBytes + 4),
          .length = u32_at(bytes, kIndexIdBytes + 8)};
}

Result<> IndexView::check_packs() const {
  std::uint64_t frames = 0;
  PackId previous;
  for (std::uint32_t i = 0; i < packs_; ++i) {
    const ByteView bytes = row_bytes(packs_at_, kIndexPackBytes, i);
    const std::uint32_t label_length = u32_at(bytes, 44);
    const std::uint32_t type = u32_at(bytes, 56);
    const Pack p = pack(i);
    if (i > 0 && p.row.id <= previous) return malformed("its packs are not in order");
    previous = p.row.id;
    if (p.row.label.empty() || p.row.label.size() != label_length || type < 1 || type > 2 ||
        p.first_frame != frames || p.row.object_bytes < 2 * std::uint64_t{label_length})
      return malformed("a pack's row makes no sense");
    frames += p.frames;
  }
  if (frames != frames_) return malformed("its frames do not fit its packs");
  return kOk;
}

Result<> IndexView::check_frames() const {
  for (std::uint32_t pack_number = 0; pack_number < packs_; ++pack_number) {
    const Pack p = pack(pack_number);
    for (std::uint32_t i = p.first_frame; i < p.first_frame + p.frames; ++i) {
      const Frame f = frame(i);
      const std::uint64_t end = std::uint64_t{f.offset} + f.sealed_length;
      const bool is_stored = f.codec == Codec::kStored;
      if (f.pack != pack_number || f.key >= keys_ || f.codec > Codec::kZstd ||
          f.type != p.row.pack_type || f.raw_length > kRawLengthMax ||
          f.offset < p.row.label.size() || end > p.row.object_bytes ||
          f.sealed_length < crypto::kTagBytes ||
          (is_stored && f.sealed_length != f.raw_length + crypto::kTagBytes))
        return malformed("a frame's row makes no sense");
    }
  }
  const std::size_t frames_end = frames_at_ + kIndexFrameBytes * frames_;
  if (!is_zero(plain_.subspan(frames_end, chunks_at_ - frames_end)))
    return malformed("padding is not zero");
  return kOk;
}

Result<> IndexView::check_chunks() const {
  // Chunks name frames in no order. Side by side, and asked for some rows ahead, the lengths of a
  // large index's frames do not cost a wait for memory each.
  std::vector<std::uint32_t> raw_lengths(frames_);
  for (std::uint32_t i = 0; i < frames_; ++i)
    raw_lengths[i] = u32_at(row_bytes(frames_at_, kIndexFrameBytes, i), 3 * sizeof(std::uint32_t));
  constexpr std::uint64_t kRowsAhead = 24;
  const auto ask_for_length_of = [&](std::uint64_t row) {
    const std::uint32_t frame = u32_at(row_bytes(chunks_at_, kIndexChunkBytes, row), kIndexIdBytes);
    if (frame < frames_) __builtin_prefetch(&raw_lengths[frame]);
  };
  Chunk previous;
  for (std::uint64_t i = 0; i < chunks_; ++i) {
    if (i + kRowsAhead < chunks_) ask_for_length_of(i + kRowsAhead);
    const Chunk c = chunk(i);
    if (c.frame >= frames_) return malformed("a chunk names no frame");
    if (std::uint64_t{c.offset} + c.length > raw_lengths[c.frame])
      return malformed("a chunk passes the end of its frame");
    if (i > 0) {
      const int order = std::memcmp(previous.id_prefix.data(), c.id_prefix.data(), kIndexIdBytes);
      if (order > 0 || (order == 0 && previous.frame > c.frame))
        return malformed("its chunks are not in order");
    }
    previous = c;
  }
  const std::size_t chunks_end = chunks_at_ + kIndexChunkBytes * chunks_;
  if (!is_zero(plain_.subspan(chunks_end, labels_at_ - chunks_end)))
    return malformed("padding is not zero");
  return kOk;
}

std::uint64_t IndexView::prefix_of(std::uint64_t row) const {
  return big_endian_prefix(row_bytes(chunks_at_, kIndexChunkBytes, row));
}

bool IndexView::is_less(std::uint64_t row, const ChunkId& id) const {
  return std::memcmp(row_bytes(chunks_at_, kIndexChunkBytes, row).data(), id.bytes.data(),
                     kIndexIdBytes) < 0;
}

bool IndexView::is_row_of(std::uint64_t row, const ChunkId& id) const {
  return row < chunks_ && std::memcmp(row_bytes(chunks_at_, kIndexChunkBytes, row).data(),
                                      id.bytes.data(), kIndexIdBytes) == 0;
}

std::uint64_t IndexView::lower_bound(const ChunkId& id) const {
  if (chunks_ == 0) return 0;
  // Ids are uniform, so the place can be guessed to within a few hundred rows of a million; from
  // there the step doubles until the place is enclosed, which stays on neighbouring pages.
  const double fraction = static_cast<double>(big_endian_prefix(id.bytes)) / 0x1p64;
  const auto guess =
      std::min(static_cast<std::uint64_t>(fraction * static_cast<double>(chunks_)), chunks_ - 1);
  std::uint64_t low = 0;       // Rows before it are less.
  std::uint64_t high = guess;  // Rows from it on are not.
  std::uint64_t step = 16;
  if (is_less(guess, id)) {
    low = guess + 1;
    for (; low + step < chunks_ && is_less(low + step, id); step *= 2)
      low += step + 1;
    high = std::min(low + step, chunks_);
  } else {
    for (; high > step && !is_less(high - step, id); step *= 2)
      high -= step;
    low = high > step ? high - step : 0;
  }
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (is_less(middle, id)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::optional<IndexView::Pack> IndexView::find_pack(const PackId& id) const {
  std::uint32_t low = 0;
  std::uint32_t high = packs_;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (std::memcmp(row_bytes(packs_at_, kIndexPackBytes, middle).data(), id.bytes.data(), 32) <
        0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == packs_) return std::nullopt;
  Pack found = pack(low);
  if (found.row.id != id) return std::nullopt;
  return found;
}

}  // namespace reprieve::repository
