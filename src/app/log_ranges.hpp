#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backup/wal_archive.hpp"
#include "base/result.hpp"
#include "repository/snapshot.hpp"

/// To which moments a database can be brought back: its recovery points, and the log from them on.
namespace reprieve::app {

/// From one recovery point on without a gap, to the end of what is held of one timeline.
struct LogRange {
  std::uint32_t timeline = 0;
  LsnRange range;    ///< From where the point ends; on an ancestor of `timeline`, if it was taken
                     ///< there.
  SnapshotId point;  ///< The oldest from which the log goes on.
  Instant from_time;
  std::optional<Instant> to_time;  ///< Nothing if the log's end does not tell.
  std::string gap;                 ///< Why it does not go farther though the log does; else empty.
};

/// Of `points` (of one source, oldest first), those whose cluster's log `map` is
/// (`system_identifier`). By timeline, then position; without to_time. Pure.
std::vector<LogRange> find_log_ranges(const WalMap& map, const std::string& system_identifier,
                                      const std::vector<repository::Snapshot>& points);

struct LogRanges {
  std::vector<LogRange> ranges;
  std::vector<std::string> problems;  ///< Streams that cannot be read.
};
/// Of a source's `points`, oldest first; none unless it is a database. Reads one header of each
/// stream and one of each range. Errors: the store's.
Result<LogRanges> read_log_ranges(const repository::Repository& repository,
                                  const std::vector<repository::Snapshot>& points);

}  // namespace reprieve::app
