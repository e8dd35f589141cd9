#include "repository/internal/compaction.hpp"

#include <algorithm>

#include "repository/internal/index_store.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/pack_check.hpp"
#include "repository/internal/trailer.hpp"

namespace reprieve::repository {
namespace {

/// As writers' packs are. With trailer and parity far below what a reader accepts.
constexpr std::size_t kPackBytes = 16 * 1024 * 1024;
constexpr std::size_t kChunksPerIndex = 500'000;

/// Upper bound of what a frame adds to a pack.
std::size_t size_of(const SealedFrame& frame, const std::vector<PackContents::Chunk>& chunks) {
  std::size_t bytes = frame.sealed.size() + trailer_bytes_of(PackContents::Frame{});
  for (const PackContents::Chunk& chunk : chunks)
    bytes += trailer_bytes_of(chunk);
  return bytes;
}

std::uint64_t raw_bytes_of(const std::vector<PackContents::Chunk>& chunks) {
  std::uint64_t bytes = 0;
  for (const PackContents::Chunk& chunk : chunks)
    bytes += chunk.length;
  return bytes;
}

std::uint16_t number_of(const SessionKeyEntry& key, std::vector<SessionKeyEntry>& keys) {
  const auto same = std::ranges::find_if(keys, [&](const SessionKeyEntry& other) {
    return other.ephemeral == key.ephemeral && other.epoch == key.epoch;
  });
  if (same == keys.end()) {
    keys.push_back(key);
    return static_cast<std::uint16_t>(keys.size() - 1);
  }
  return static_cast<std::uint16_t>(same - keys.begin());
}

}  // namespace

Result<ProvedPack> read_proved_pack(const Repository& repository, const PackId& id) {
  const auto row = repository.index().find_pack(id);
  REPRIEVE_TRY(const Bytes object, repository.store().get(pack_key(id), ByteCount{kPackObjectMax}));
  const PackCheck check = check_pack(id, object, row ? row->label : ByteView{});
  if (!check.label)
    return Error{ErrorKind::kCorrupt, pack_key(id) + ": both copies of its label are lost"};
  auto body = heal_body(check, object);
  if (!body) return std::move(body).error().at(pack_key(id));
  auto trailer = open_trailer(
      repository.keys(), *check.label,
      ByteView{*body}.subspan(check.label->trailer_offset, check.label->trailer_length));
  if (!trailer) return std::move(trailer).error().at(pack_key(id));
  ProvedPack pack;
  pack.body = *std::move(body);
  pack.contents.id = id;
  pack.contents.pack_type = check.label->pack_type;
  pack.contents.keys = check.label->keys;
  pack.contents.frames = std::move(trailer->frames);
  pack.contents.chunks = std::move(trailer->chunks);
  return pack;
}

Result<> Compaction::copy(const PackUse& use) {
  REPRIEVE_TRY(ProvedPack pack, read_proved_pack(repository_, use.id));
  const auto& frames = pack.contents.frames;
  if (frames.size() != use.live_frames.size())
    return Error{ErrorKind::kCorrupt, pack_key(use.id) + ": an index does not fit its trailer"};
  std::vector<std::vector<PackContents::Chunk>> chunks(frames.size());
  for (PackContents::Chunk& chunk : pack.contents.chunks) {
    if (use.live_frames[chunk.frame] && live_.has(chunk.id) &&
        !use.kept_elsewhere.contains(prefix_of(chunk.id)))
      chunks[chunk.frame].push_back(std::move(chunk));
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (chunks[i].empty()) continue;
    const PackContents::Frame& at = frames[i];
    MovedFrame moved{
        .frame = {.sealed = copy_of(ByteView{pack.body}.subspan(at.offset, at.sealed_length)),
                  .salt = at.salt,
                  .codec = at.codec,
                  .raw_length = at.raw_length},
        .key = pack.contents.keys[at.key],
        .chunks = std::move(chunks[i])};
    if (opens_frames_ && raw_bytes_of(moved.chunks) < at.raw_length) {
      auto anew = made_anew(use.pack_type, moved);
      if (!anew) return std::move(anew).error().at(pack_key(use.id));
      moved = *std::move(anew);
    }
    REPRIEVE_RETURN_IF_ERROR(add(use.pack_type, std::move(moved)));
  }
  return kOk;
}

Result<Compaction::MovedFrame> Compaction::made_anew(std::uint8_t pack_type,
                                                     const MovedFrame& old) {
  const KeyRing& keys = repository_.keys();
  if (!own_) {
    REPRIEVE_TRY(own_, keys.new_session(repository_.random()));
  }
  FrameBinding binding{.repository = repository_.id(),
                       .epoch = old.key.epoch,
                       .pack_type = pack_type,
                       .codec = old.frame.codec,
                       .raw_length = old.frame.raw_length};
  REPRIEVE_TRY(const Secret shared, keys.open_session(old.key));
  Bytes raw;
  REPRIEVE_RETURN_IF_ERROR(open_frame(shared, binding, old.frame.salt, old.frame.sealed, raw));
  Bytes kept;
  kept.reserve(raw_bytes_of(old.chunks));
  MovedFrame anew{.frame = {}, .key = own_->entry, .chunks = old.chunks};
  for (PackContents::Chunk& chunk : anew.chunks) {
    // What is sealed anew is vouched for anew.
    if (chunk.offset > raw.size() || chunk.length > raw.size() - chunk.offset)
      return Error{ErrorKind::kCorrupt, "a chunk lies outside of its frame"};
    const ByteView plain = ByteView{raw}.subspan(chunk.offset, chunk.length);
    if (keys.chunk_id(chunk.type, plain) != chunk.id)
      return Error{ErrorKind::kCorrupt, "a chunk is not what its id says"};
    chunk.offset = static_cast<std::uint32_t>(kept.size());
    kept.insert(kept.end(), plain.begin(), plain.end());
  }
  binding.epoch = own_->entry.epoch;
  anew.frame = seal_frame(own_->shared, binding, repository_.random(), kept,
                          SessionOptions{}.compression_level);
  return anew;
}

Result<> Compaction::add(std::uint8_t pack_type, MovedFrame frame) {
  Pending& pending = pending_[pack_type];
  const std::size_t bytes = size_of(frame.frame, frame.chunks);
  if (!pending.frames.empty() &&
      (pending.bytes + bytes > kPackBytes || pending.frames.size() >= kLabelKeysMax))
    REPRIEVE_RETURN_IF_ERROR(write(pack_type));
  pending.bytes += bytes;
  pending.frames.push_back(std::move(frame));
  return kOk;
}

Result<> Compaction::write(std::uint8_t pack_type) {
  const Pending pending = std::exchange(pending_[pack_type], Pending{});
  std::vector<SessionKeyEntry> keys;
  std::vector<std::uint16_t> numbers;
  numbers.reserve(pending.frames.size());
  for (const MovedFrame& frame : pending.frames)
    numbers.push_back(number_of(frame.key, keys));
  PackBuilder builder{pack_type, std::move(keys), pending.bytes};
  for (std::size_t i = 0; i < pending.frames.size(); ++i)
    builder.add(pending.frames[i].frame, numbers[i], pending.frames[i].chunks);
  FinishedPack pack = std::move(builder).finish(repository_.keys(), session_, repository_.random());
  REPRIEVE_RETURN_IF_ERROR(repository_.store().put(pack_key(pack.contents.id), pack.object()));
  ++packs_written_;
  bytes_written_ += pack.object().size();
  for (PackContents::Chunk& chunk : pack.contents.chunks)
    chunk.children = {};  // The trailer has them; an index does not keep them.
  written_chunks_ += pack.contents.chunks.size();
  written_.push_back(std::move(pack.contents));
  return written_chunks_ < kChunksPerIndex ? Result<>{kOk} : index_written();
}

Result<> Compaction::index_written() {
  if (written_.empty()) return kOk;
  // An index never names a pack that a crash could still take away.
  REPRIEVE_RETURN_IF_ERROR(repository_.store().sync());
  auto stored = repository_.index_store().put(session_, encode_index(written_));
  if (!stored) return std::move(stored).error();
  written_.clear();
  written_chunks_ = 0;
  return kOk;
}

Result<> Compaction::finish() {
  for (const std::uint8_t pack_type : {kDataPack, kTreePack})
    if (!pending_[pack_type].frames.empty()) REPRIEVE_RETURN_IF_ERROR(write(pack_type));
  return index_written();
}

}  // namespace reprieve::repository
