#include "repository/internal/pack_builder.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/codec.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/trailer.hpp"

namespace reprieve::repository {

namespace {

constexpr std::size_t kOvershoot = std::size_t{5} * 1024 * 1024;
constexpr std::size_t kShardsMax = kDataShardsMax + kDataShardsMax / 16;
/// Version byte and three counts.
constexpr std::size_t kTrailerFixedBytes = kTrailerSealBytes + 1 + 3 * 5;

std::vector<crypto::Digest> hash_shards(const ShardGeometry& geometry, ByteView shards) {
  std::vector<crypto::Digest> hashes;
  hashes.reserve(geometry.shards());
  for (std::size_t i = 0; i < geometry.shards(); ++i)
    hashes.push_back(
        crypto::sha256(shards.subspan(i * geometry.shard_bytes, geometry.shard_bytes)));
  return hashes;
}

}  // namespace

PackBuilder::PackBuilder(std::uint8_t pack_type, std::vector<SessionKeyEntry> keys,
                         std::size_t capacity_hint)
    : label_room_{label_length(keys.size(), kShardsMax)}, trailer_bytes_{kTrailerFixedBytes} {
  contents_.pack_type = pack_type;
  contents_.keys = std::move(keys);
  // Room for parity (a sixteenth) and for the frame that goes beyond the hint, so that the buffer
  // never moves; pages that stay unused cost nothing.
  if (capacity_hint > 0) buffer_.reserve(capacity_hint + capacity_hint / 16 + kOvershoot);
  buffer_.resize(label_room_);
}

bool PackBuilder::has_room_for(const SealedFrame& frame,
                               std::span<const PackContents::Chunk> chunks) const {
  std::size_t bytes = body_bytes() + frame.sealed.size() + trailer_bytes_of(PackContents::Frame{});
  for (const PackContents::Chunk& chunk : chunks)
    bytes += trailer_bytes_of(chunk);
  return bytes <= kPackBodyMax;
}

void PackBuilder::add(const SealedFrame& frame, std::uint16_t key,
                      std::vector<PackContents::Chunk> chunks) {
  REPRIEVE_ASSERT(key < contents_.keys.size());
  PackContents::Frame& row = contents_.frames.emplace_back();
  row.offset = static_cast<std::uint32_t>(frame_bytes_);
  row.sealed_length = static_cast<std::uint32_t>(frame.sealed.size());
  row.raw_length = frame.raw_length;
  row.codec = frame.codec;
  row.key = key;
  row.salt = frame.salt;
  buffer_.insert(buffer_.end(), frame.sealed.begin(), frame.sealed.end());
  frame_bytes_ += frame.sealed.size();
  trailer_bytes_ += trailer_bytes_of(row);
  for (PackContents::Chunk& chunk : chunks) {
    chunk.frame = static_cast<std::uint32_t>(contents_.frames.size() - 1);
    trailer_bytes_ += trailer_bytes_of(chunk);
    contents_.chunks.push_back(std::move(chunk));
  }
  REPRIEVE_ASSERT(body_bytes() <= kPackBodyMax);
}

FinishedPack PackBuilder::finish(const KeyRing& keys, const std::array<std::byte, 32>& session,
                                 RandomSource& random) && {
  PackLabel label;
  label.pack_type = contents_.pack_type;
  label.repository = keys.credentials().repository;
  label.writer = keys.writer_id();
  label.session = session;
  label.keys = contents_.keys;

  const Bytes trailer = keys.seal_metadata(
      random, kTrailerKind, trailer_associated_data(label.repository, label.session),
      encode_trailer(contents_.pack_type, contents_.frames, contents_.chunks));
  REPRIEVE_ASSERT(trailer.size() <= trailer_bytes_);
  label.trailer_offset = static_cast<std::uint32_t>(frame_bytes_);
  label.trailer_length = static_cast<std::uint32_t>(trailer.size());
  label.geometry = shard_geometry(label.trailer_offset + label.trailer_length);
  const ShardGeometry& geometry = label.geometry;

  const std::size_t used = label_room_ + frame_bytes_ + trailer.size();
  buffer_.insert(buffer_.end(), trailer.begin(), trailer.end());
  const std::size_t shard_bytes = geometry.body_bytes() + geometry.parity_bytes();
  buffer_.resize(label_room_ + shard_bytes);
  const MutableByteView shards = MutableByteView{buffer_}.subspan(label_room_);
  std::ranges::fill(shards.first(geometry.body_bytes()).subspan(used - label_room_), std::byte{0});
  encode_parity(geometry, shards.first(geometry.body_bytes()),
                shards.subspan(geometry.body_bytes()));
  label.shard_hashes = hash_shards(geometry, shards);

  FinishedPack pack;
  pack.contents = std::move(contents_);
  pack.contents.label = encode_label(label, keys.signing_key());
  const Bytes& encoded = pack.contents.label;
  pack.object_start = label_room_ - encoded.size();
  std::ranges::copy(encoded, buffer_.begin() + static_cast<std::ptrdiff_t>(pack.object_start));
  Encoder tail;
  tail.raw(encoded);
  tail.u32(static_cast<std::uint32_t>(encoded.size()));
  tail.raw(as_bytes("RPPE"));
  buffer_.insert(buffer_.end(), tail.view().begin(), tail.view().end());
  pack.contents.id = pack_id_of(encoded);
  pack.contents.object_bytes = buffer_.size() - pack.object_start;
  pack.contents.trailer_length = label.trailer_length;
  pack.buffer = std::move(buffer_);
  return pack;
}

}  // namespace reprieve::repository
