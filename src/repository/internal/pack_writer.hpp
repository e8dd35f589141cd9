#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/budget_queue.hpp"
#include "base/clock.hpp"
#include "base/progress.hpp"
#include "repository/internal/compression_pace.hpp"
#include "repository/internal/pack_builder.hpp"
#include "repository/internal/sticky_error.hpp"
#include "repository/write_session.hpp"
#include "storage/object_store.hpp"

namespace reprieve::repository {

/// The back end of a session's pipeline: gathers sealed frames into packs, one open pack per type,
/// finishes them in its own threads, or in add() and finish(), and puts them into the store.
/// Thread-safe unless the caller does the work.
class PackWriter {
 public:
  struct Target {
    ObjectStore& store;
    RandomSource& random;
    Clock& clock;
    const KeyRing& keys;
    Progress& progress;
    SessionKeyEntry key;
    std::array<std::byte, 32> session{};
    Workers workers = Workers::kOwn;
    std::uint32_t pack_bytes = 0;    ///< A pack is finished when its body has as many.
    std::uint32_t index_chunks = 0;  ///< `index` is called when packs hold as many,
    Duration index_interval{};       ///< and with the first pack that is written so late.
  };
  /// Called with packs that are in the store but in no index yet, by one thread at a time, whenever
  /// enough have come together.
  using Index = std::function<Result<>(std::vector<PackContents>)>;

  /// `failure` is set by the first error and then stops all work; `pace` is told how long the store
  /// took. Both must outlive the writer.
  PackWriter(const Target& target, Index index, CompressionPace& pace, StickyError& failure);
  ~PackWriter();  ///< Without finish(): drops what is not in the store yet.

  /// Appends a frame to the open pack of its type. Blocks while too many full packs wait.
  void add(std::uint8_t pack_type, const SealedFrame& frame,
           std::vector<PackContents::Chunk> chunks);

  /// Writes the open packs, waits for all, and hands the last ones to `index`. No add() may run.
  Result<> finish();

  /// Once `failure` is set: waits for what is being written, drops the rest, and hands the packs
  /// that are in the store to `index`. No add() may run.
  Result<> index_stored();

  [[nodiscard]] std::uint64_t bytes_stored() const { return bytes_stored_; }

 private:
  struct OpenPack {
    std::mutex mutex;
    std::optional<PackBuilder> builder;  // Guarded by mutex.
  };
  void enqueue(OpenPack& open);
  void run();
  void write_or_fail(PackBuilder builder, Duration& away_since);
  Result<> write(PackBuilder builder, Duration& away_since);
  Result<> index_pending(std::size_t chunks_min);
  void join();

  const Target target_;
  const Index index_;
  CompressionPace& pace_;
  StickyError& failure_;
  std::array<OpenPack, 2> open_;  // By pack type.
  BudgetQueue<PackBuilder> queue_;
  std::atomic<std::uint64_t> bytes_stored_{0};
  std::mutex pending_mutex_;
  std::vector<PackContents> pending_;  // Guarded by pending_mutex_, as below.
  std::size_t pending_chunks_ = 0;
  Duration indexed_at_;
  Duration callers_away_since_;  ///< Of Workers::kCaller, in its thread.
  std::mutex index_mutex_;       // Held while index_ runs.
  std::vector<std::thread> threads_;
};

}  // namespace reprieve::repository
