#pragma once

#include <atomic>
#include <mutex>

#include "base/clock.hpp"

namespace reprieve::repository {

/// The next level for a session whose writers spent `share` (0 to 1) of the last while waiting for
/// the store. Where they do nothing else, the processor is idle anyway, and smaller frames make the
/// backup quicker; where they hardly wait, compression is what the backup waits for.
int next_level(int level, int level_min, int level_max, double share);

/// How hard a session compresses: adaptive between two levels. Thread-safe.
class CompressionPace {
 public:
  /// Stays at `level_min` unless `level_max` is above it.
  CompressionPace(int level_min, int level_max);

  [[nodiscard]] int level() const { return level_; }
  /// A writer had nothing to do with the store for `away`, and then was in it for `in_store`.
  void add_write(Duration away, Duration in_store);

 private:
  const int level_min_;
  const int level_max_;
  std::atomic<int> level_;
  std::mutex mutex_;
  Duration away_{};  // Guarded by mutex_, as below. Since the level was last looked at.
  Duration in_store_{};
};

}  // namespace reprieve::repository
