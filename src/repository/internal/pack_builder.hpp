#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "repository/internal/frame.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"

namespace reprieve::repository {

/// A pack ready to be stored.
struct FinishedPack {
  Bytes buffer;  ///< The object's bytes stand at the end of it.
  std::size_t object_start = 0;
  PackContents contents;
  [[nodiscard]] ByteView object() const { return ByteView{buffer}.subspan(object_start); }
};

/// Gathers sealed frames into one pack, in memory and without I/O. Not thread-safe.
class PackBuilder {
 public:
  /// `keys` is the label's key table; frames refer to it by number. `capacity_hint` bytes of body
  /// are reserved.
  PackBuilder(std::uint8_t pack_type, std::vector<SessionKeyEntry> keys, std::size_t capacity_hint);

  /// Whether a frame still fits: no body may pass kPackBodyMax.
  [[nodiscard]] bool has_room_for(const SealedFrame& frame,
                                  std::span<const PackContents::Chunk> chunks) const;
  /// Appends a frame and the chunks in it (their `frame` is filled in here). There must be room.
  void add(const SealedFrame& frame, std::uint16_t key, std::vector<PackContents::Chunk> chunks);

  [[nodiscard]] bool empty() const { return contents_.frames.empty(); }
  /// Frames, and a little more than the trailer will need.
  [[nodiscard]] std::size_t body_bytes() const { return frame_bytes_ + trailer_bytes_; }

  /// Seals the trailer, computes parity and hashes, signs the label. The builder is used up.
  /// Takes a few milliseconds per 16 MiB.
  FinishedPack finish(const KeyRing& keys, const std::array<std::byte, 32>& session,
                      RandomSource& random) &&;

 private:
  std::size_t label_room_;  // Before the body: enough for the largest label.
  Bytes buffer_;            // Label room, then frames.
  std::size_t frame_bytes_ = 0;
  std::size_t trailer_bytes_;
  PackContents contents_;
};

}  // namespace reprieve::repository
