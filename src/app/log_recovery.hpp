#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/wal_archive.hpp"
#include "base/result.hpp"
#include "repository/snapshot.hpp"
#include "source/postgresql/cluster_restore.hpp"

/// Recovery of a database to a moment: which recovery point, how much log, and whether the moment
/// can be reached at all. Decided before anything is touched.
namespace reprieve::app {

/// Where a recovery is to stop.
struct LogTarget {
  enum class Kind : std::uint8_t { kLatest, kTime, kLsn, kName, kTransaction };
  Kind kind = Kind::kLatest;
  Instant time;
  Lsn lsn;
  std::string name;  ///< kName; for kTransaction the number.
  bool is_inclusive = true;
  std::uint32_t timeline = 0;  ///< 0: the newest that goes on from the point.
};

/// What a recovery will do.
struct LogPlan {
  const repository::Snapshot* point = nullptr;
  std::vector<WalReach::Leg> legs;       ///< Only as far as they are needed.
  std::optional<RecoveryTarget> target;  ///< None: to the end of the legs.
  Lsn end;                               ///< Of what is held.
  std::optional<Instant> last_commit;    ///< The latest of all, if all of the log is replayed.
  /// Up to when everything that was committed will be there, by the server's clock.
  std::optional<Instant> recovered_to;
  std::vector<std::string> notes;  ///< Sentences.
};

/// Of `points` (of one source, oldest first) and the log in `archive`. Errors: kNotFound, saying
/// what can be reached, if the target cannot; kInvalid; the store's.
Result<LogPlan> plan_log_recovery(const std::vector<repository::Snapshot>& points,
                                  const backup::WalArchive& archive, const LogTarget& target);

/// The log that a plan needs, out of the archive, which must outlive it.
std::unique_ptr<WalSupply> supply_of(const backup::WalArchive& archive, const LogPlan& plan);

}  // namespace reprieve::app
