#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <tuple>

#include "base/codec.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/index_view.hpp"

namespace reprieve::repository {
namespace {

/// A row as it is stored: rows are many, so they are written as they lie in memory.
struct ChunkRow {
  std::array<std::byte, kIndexIdBytes> id{};
  std::uint32_t frame = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;

  friend bool operator<(const ChunkRow& a, const ChunkRow& b) {
    if (const int order = std::memcmp(a.id.data(), b.id.data(), a.id.size()); order != 0)
      return order < 0;
    return std::tie(a.frame, a.offset, a.length) < std::tie(b.frame, b.offset, b.length);
  }
};
static_assert(sizeof(ChunkRow) == kIndexChunkBytes);
static_assert(std::endian::native == std::endian::little);

/// Numbers each session key once, in order of first use.
class KeyTable {
 public:
  std::uint16_t number_of(const SessionKeyEntry& key) {
    const auto name = std::pair{key.ephemeral, key.epoch};
    const auto [at, is_new] = numbers_.try_emplace(name, keys_.size());
    if (is_new) keys_.push_back(key);
    REPRIEVE_ASSERT(at->second <= std::numeric_limits<std::uint16_t>::max());
    return static_cast<std::uint16_t>(at->second);
  }
  [[nodiscard]] const std::vector<SessionKeyEntry>& keys() const { return keys_; }

 private:
  std::map<std::pair<crypto::PublicKey, std::uint32_t>, std::size_t> numbers_;
  std::vector<SessionKeyEntry> keys_;
};

std::vector<const PackContents*> in_order(std::span<const PackContents> packs) {
  std::vector<const PackContents*> ordered;
  ordered.reserve(packs.size());
  for (const PackContents& pack : packs)
    ordered.push_back(&pack);
  std::ranges::sort(ordered, {}, [](const PackContents* p) { return p->id; });
  const auto repeated =
      std::ranges::unique(ordered, {}, [](const PackContents* p) { return p->id; });
  ordered.erase(repeated.begin(), repeated.end());
  return ordered;
}

std::uint32_t narrow(std::size_t value) {
  REPRIEVE_ASSERT(value <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(value);
}

void pad_to_8(Encoder& out) {
  while (out.size() % 8 != 0)
    out.u8(0);
}

void write_frame(Encoder& out, const PackContents& pack, std::uint32_t pack_number,
                 const PackContents::Frame& frame, KeyTable& keys) {
  REPRIEVE_ASSERT(frame.key < pack.keys.size());
  out.u32(pack_number);
  out.u32(narrow(pack.label.size() + frame.offset));
  out.u32(frame.sealed_length);
  out.u32(frame.raw_length);
  out.raw(frame.salt);
  out.u16(keys.number_of(pack.keys[frame.key]));
  out.u8(static_cast<std::uint8_t>(frame.codec));
  out.u8(pack.pack_type);
}

std::vector<ChunkRow> chunk_rows(const std::vector<const PackContents*>& packs) {
  std::size_t count = 0;
  for (const PackContents* pack : packs)
    count += pack->chunks.size();
  std::vector<ChunkRow> rows;
  rows.reserve(count);
  std::size_t first_frame = 0;
  for (const PackContents* pack : packs) {
    for (const PackContents::Chunk& chunk : pack->chunks) {
      ChunkRow row{.frame = narrow(first_frame + chunk.frame),
                   .offset = chunk.offset,
                   .length = chunk.length};
      std::memcpy(row.id.data(), chunk.id.bytes.data(), row.id.size());
      rows.push_back(row);
    }
    first_frame += pack->frames.size();
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

void write_packs(Encoder& out, const std::vector<const PackContents*>& packs) {
  std::size_t label_offset = 0;
  std::size_t first_frame = 0;
  for (const PackContents* pack : packs) {
    out.raw(pack->id.bytes);
    out.u64(pack->object_bytes);
    out.u32(narrow(label_offset));
    out.u32(narrow(pack->label.size()));
    out.u32(narrow(first_frame));
    out.u32(narrow(pack->frames.size()));
    out.u32(pack->pack_type);
    out.u32(pack->trailer_length);
    label_offset += pack->label.size();
    first_frame += pack->frames.size();
  }
}

}  // namespace

Bytes encode_index(std::span<const PackContents> packs) {
  const auto ordered = in_order(packs);
  KeyTable keys;
  Encoder frames;
  std::size_t frame_count = 0;
  std::size_t label_bytes = 0;
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (const PackContents::Frame& frame : ordered[i]->frames)
      write_frame(frames, *ordered[i], narrow(i), frame, keys);
    frame_count += ordered[i]->frames.size();
    label_bytes += ordered[i]->label.size();
  }
  pad_to_8(frames);
  const std::vector<ChunkRow> rows = chunk_rows(ordered);

  Encoder out;
  out.raw(as_bytes(kIndexMagic));
  out.u32(kIndexVersion);
  out.u32(narrow(ordered.size()));
  out.u32(narrow(keys.keys().size()));
  out.u32(narrow(frame_count));
  out.u32(narrow(label_bytes));
  out.u64(rows.size());
  write_packs(out, ordered);
  for (const SessionKeyEntry& key : keys.keys()) {
    out.raw(key.ephemeral);
    out.u32(key.epoch);
    out.raw(key.commitment);
    out.u32(0);
  }
  out.raw(frames.view());
  out.raw(std::as_bytes(std::span{rows}));
  pad_to_8(out);
  for (const PackContents* pack : ordered)
    out.raw(pack->label);
  return std::move(out).take();
}

}  // namespace reprieve::repository
