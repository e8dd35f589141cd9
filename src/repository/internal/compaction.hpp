#pragma once

#include <map>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "repository/internal/frame.hpp"
#include "repository/internal/pack_builder.hpp"
#include "repository/internal/pack_use.hpp"

namespace reprieve::repository {

/// Copies what lives in packs into new ones: sealed frames as they are, which needs no key to the
/// data, and the rows of their live chunks. Frames of dead chunks only, and rows of dead chunks,
/// stay behind; if frames are opened, which needs the reading key, so do the bytes of dead chunks
/// in frames that others share. Not thread-safe.
class Compaction {
 public:
  Compaction(Repository& repository, const SessionId& session, const LiveChunks& live,
             bool opens_frames)
      : repository_{repository}, session_{session}, live_{live}, opens_frames_{opens_frames} {}

  /// Reads a pack, proves every byte that it copies, and copies. Errors: kNotFound if the pack is
  /// gone; kCorrupt if it cannot be healed; the store's.
  Result<> copy(const PackUse& use);
  /// Writes what is left, makes it durable, then stores an index of it. Errors: the store's.
  Result<> finish();

  [[nodiscard]] std::uint64_t packs_written() const { return packs_written_; }
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  struct MovedFrame {
    SealedFrame frame;
    SessionKeyEntry key;
    std::vector<PackContents::Chunk> chunks;
  };
  struct Pending {
    std::vector<MovedFrame> frames;
    std::size_t bytes = 0;
  };
  Result<MovedFrame> made_anew(std::uint8_t pack_type, const MovedFrame& old);
  Result<> add(std::uint8_t pack_type, MovedFrame frame);
  Result<> write(std::uint8_t pack_type);
  Result<> index_written();

  Repository& repository_;
  const SessionId session_;
  const LiveChunks& live_;
  const bool opens_frames_;
  std::optional<KeyRing::Session> own_;      // What frames that are made anew are sealed under.
  std::map<std::uint8_t, Pending> pending_;  // By pack type.
  std::vector<PackContents> written_;        // Not indexed yet.
  std::size_t written_chunks_ = 0;
  std::uint64_t packs_written_ = 0;
  std::uint64_t bytes_written_ = 0;
};

/// Reads a pack and proves it, healed in memory if need be: its contents and its body. Errors:
/// kNotFound; kCorrupt; the store's.
struct ProvedPack {
  PackContents contents;
  Bytes body;
};
Result<ProvedPack> read_proved_pack(const Repository& repository, const PackId& id);

}  // namespace reprieve::repository
