#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/pack_rota.hpp"
#include "app/points.hpp"
#include "app/sources.hpp"
#include "app/workspace.hpp"
#include "backup/backup.hpp"
#include "backup/diff.hpp"
#include "backup/verify_point.hpp"
#include "backup/verify_restore.hpp"
#include "repository/verify.hpp"

/// What the commands do, once for the command line and once for whatever comes beside it. Each job
/// takes the open repository, counts in `progress` and stops at `cancel`.
namespace reprieve::app {

struct BackupChoices {
  std::string name;
  std::vector<std::string> tags;
  std::optional<int> compression_level;  ///< Not set: as hard as there is time for.
  /// How often a long backup puts on record what it has stored, so that the next one goes on there.
  Duration checkpoint_interval = std::chrono::minutes{5};
};

/// Takes one recovery point of `source`.
Result<backup::BackupOutcome> back_up(const Workspace& workspace, OpenRepository& open,
                                      const NamedSource& source, const BackupChoices& choices,
                                      Progress& progress, const CancelToken& cancel);

/// Keeps the plan and this program beside the data, unless they are there: what a bare machine
/// needs to recover. Called after each backup.
Result<> keep_kit(const Workspace& workspace, OpenRepository& open, const CancelToken& cancel);

/// Where a database's recovery stops. With none of the targets, and the newest point, all the log
/// there is is replayed.
struct LogChoices {
  std::string to_lsn;
  std::string to_name;         ///< Of pg_create_restore_point().
  std::string to_transaction;  ///< A transaction's id.
  bool is_to_latest = false;   ///< All the log, also on a point that was chosen with `at`.
  bool is_exclusive = false;   ///< Stops before the target and not behind it.
  bool is_pausing = false;     ///< The server waits at the target, read-only.
  std::uint32_t timeline = 0;  ///< 0: the newest that goes on from the point.
};

struct RestoreChoices {
  /// POINT, which is restored as it is unless a target of the log is chosen too. Empty: the newest,
  /// and of a database whose log is held all that goes on from there.
  std::string at;
  /// RFC 3339, which the caller has checked. Files: the newest point that is not younger.
  std::string to_time;
  LogChoices log;                 ///< Databases: how much log is replayed on it.
  std::string into;               ///< Absolute target directory.
  std::vector<std::string> only;  ///< Paths below the source; empty: all.
  std::string root;               ///< Files: only this one of the source's paths; empty: all.
  bool is_dry_run = false;
  bool is_deleting_extra = false;  ///< Files: remove what the point does not have.
  bool is_durable = false;         ///< Files: wait until everything is on the disk.
  bool is_replacing = false;  ///< Databases: empty a stopped data directory of the same cluster.
  bool is_delta = false;      ///< Databases: write into it only what differs.
  bool is_drill = false;      ///< Databases: a copy beside the original.
  std::string owner;          ///< Databases: OS user.
  std::map<std::uint32_t, std::string> tablespaces;  ///< Databases: OID to another path.
};

struct RestoreOutcome {
  repository::Snapshot point;
  bool is_postgres = false;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t files_written = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_kept = 0;  ///< Of the files written, what was there already.
  std::uint64_t files_unchanged = 0;
  std::uint64_t deleted = 0;
  Json cluster;                    ///< Databases: what restore_cluster() said.
  Json log;                        ///< Databases: what is replayed; null if no log was looked for.
  std::vector<std::string> notes;  ///< For the operator.
  std::vector<Problem> problems;
};

/// Writes `source`'s recovery point into a target.
Result<RestoreOutcome> restore(const Workspace& workspace, OpenRepository& open,
                               const std::string& source, const RestoreChoices& choices,
                               Progress& progress, const CancelToken& cancel);

/// How one point is proved. kReach walks its trees and looks every chunk up; kData decrypts every
/// chunk as well; kRestore also restores a sample of its files into a temporary folder and
/// compares.
enum class PointLevel : std::uint8_t { kReach, kData, kRestore };
std::string_view name_of(PointLevel level);

struct PointVerdict {
  backup::PointCheck check;
  std::optional<backup::RestoreCheck> restored;  ///< kRestore, if nothing was damaged before.
  [[nodiscard]] bool is_good() const {
    return check.damages.empty() && (!restored || restored->damages.empty());
  }
};
/// Proves one point and remembers the verdict: damage found at any level, and what kData and
/// kRestore found good.
Result<PointVerdict> verify_point(const Workspace& workspace, OpenRepository& open,
                                  const repository::Snapshot& point, PointLevel level,
                                  Progress& progress, const CancelToken& cancel);

struct RepositoryVerdict {
  repository::VerifyReport report;
  bool is_in_turn = false;  ///< Only some packs were read: the two below are told.
  std::uint64_t packs_read = 0;
  std::optional<Instant> proved_since;  ///< Every pack was proved then or later.
};
/// Verifies the repository and remembers what follows for its points: that they are damaged, or,
/// at kData, that they are good. With `choice` only the packs that are due are read, and points
/// count as good once every pack was read.
Result<RepositoryVerdict> verify_repository(const Workspace& workspace, OpenRepository& open,
                                            repository::VerifyLevel level,
                                            const std::optional<RotaChoice>& choice,
                                            Progress& progress, const CancelToken& cancel);

/// The point that `wanted` means. `latest-verified` falls back to verifying, newest first, when no
/// verdict is remembered: after a disaster the memory of earlier ones is gone with the machine.
Result<repository::Snapshot> find_point(const Workspace& workspace, OpenRepository& open,
                                        const std::string& source, const std::string& wanted,
                                        Progress& progress, const CancelToken& cancel);

}  // namespace reprieve::app
