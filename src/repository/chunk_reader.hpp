#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "repository/write_session.hpp"

namespace reprieve::repository {

/// Reads chunks back. Thread-safe. Every plaintext returned was authenticated and its id checked;
/// bytes that fail are healed from the pack's parity in memory before an error is given.
class ChunkReader {
 public:
  explicit ChunkReader(const Repository& repository, unsigned threads = 0);
  ~ChunkReader();

  /// One chunk, at most `size_max` bytes. Keeps recently used frames. Errors: kNotFound if no index
  /// knows it; kCorrupt if parity cannot bring it back (hint: `reprieve repo repair`); kDenied if
  /// the key cannot read; the store's.
  Result<Bytes> read(ChunkType type, const ChunkId& id, std::size_t size_max);

  /// Whether `plaintext` is that chunk, told by its id alone.
  [[nodiscard]] bool is_chunk(ChunkType type, const ChunkId& id, ByteView plaintext) const;

  struct Request {
    ChunkRef chunk;
    std::uint64_t tag = 0;
    std::uint64_t offset = 0;
  };
  using Deliver = std::function<Result<>(const Request&, ByteView)>;
  using Missing = std::function<Result<>(const Request&, const Error&)>;
  /// Data chunks in bulk: sorted by pack and frame, neighbouring ranges read in one go, frames
  /// opened by several threads, each frame once. `deliver` and `missing` are called concurrently.
  Result<> fetch(std::span<const Request> requests, const Deliver& deliver, const Missing& missing,
                 const CancelToken& cancel);

  /// Packs that had to be healed in memory, or could not be healed, so far.
  [[nodiscard]] std::vector<PackId> damaged_packs() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reprieve::repository
