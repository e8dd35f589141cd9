#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/cancel.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "repository/repository.hpp"
#include "tree/entry.hpp"

namespace reprieve::repository {

enum class ChunkType : std::uint8_t { kData = 1, kTree = 2, kList = 3 };

/// Who seals frames and writes packs.
enum class Workers : std::uint8_t {
  kOwn,     ///< Threads of the session.
  kCaller,  ///< put() and commit(), before they return: the order of all calls repeats itself.
};

struct SessionOptions {
  int compression_level = 1;  ///< zstd, of the first frames at least.
  /// Above `compression_level`: while the store is what everything waits for, the level rises up to
  /// this, since the processor has the time; it falls when the processor has not.
  int compression_level_max = 0;
  Workers workers = Workers::kOwn;
  unsigned threads = 0;  ///< Own sealing threads; 0: as many as there are cores.
  std::uint32_t pack_bytes = 16 * 1024 * 1024;  ///< Target of a pack's body, at most 24 MiB.
  std::uint32_t frame_bytes = 1024 * 1024;      ///< Small chunks gather up to this, at most 1 MiB.
  /// An index is written whenever so many chunks wait for one: it keeps their rows, about 80 bytes
  /// each, out of memory.
  std::uint32_t index_chunks = 500'000;
  /// And at least so often: what is indexed is found by the next run if this one is killed.
  Duration index_interval = std::chrono::minutes{5};
};

/// One writer's run: chunks go in, one snapshot comes out (docs/format.md section 5). Everything
/// before commit() is garbage to others. put() may be called from many threads; it blocks while the
/// sealing and writing queues are full (their byte budgets bound the session's memory).
class WriteSession {
 public:
  /// Announces the session in the store. Errors: kDenied if the key may not write; the store's.
  static Result<std::unique_ptr<WriteSession>> begin(Repository& repository, SessionOptions options,
                                                     Progress& progress);
  ~WriteSession();  ///< Without commit(): abandons the session; packs written stay as garbage.

  /// Stores a chunk unless the repository holds it, and returns its id. `children`: the ids that a
  /// tree or list refers to. Errors: kInvalid above 16 MiB or 131,072 children; those of earlier
  /// writes too, once one failed (sticky).
  Result<ChunkId> put(ChunkType type, ByteView plaintext, std::span<const ChunkId> children = {});

  /// Whether a chunk is stored already, by this session or a trusted earlier one.
  [[nodiscard]] bool has(const ChunkId& id) const;

  [[nodiscard]] const ChunkerParameters& chunker_parameters() const;
  /// Gear table for Chunker, from K_chunk.
  [[nodiscard]] const std::array<std::uint64_t, 256>& gear_table() const;

  /// Writes what is pending, the indexes and the snapshot; returns only when all is durable and the
  /// session was not fenced. Call once, when no put() runs. Errors: kConflict if garbage collection
  /// fenced the session off (run the backup again); the store's. In what
  /// is stored and returned, bytes_new and bytes_stored are the session's own counts.
  Result<Snapshot> commit(const ListRef& root, const Statistics& statistics,
                          const Description& description);

  /// Instead of commit(): drops what waits, and gives the packs that are in the store their index,
  /// so that the next run need not write them again. Does nothing once a write has failed. Call
  /// once, when no put() runs. Errors: the store's.
  Result<> abandon();

 private:
  struct State;

 public:
  /// For begin(): nobody else can make a State.
  explicit WriteSession(std::unique_ptr<State> state);

 private:
  std::unique_ptr<State> state_;
};

}  // namespace reprieve::repository
