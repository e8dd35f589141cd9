#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "repository/repository.hpp"
#include "repository/retention.hpp"

namespace reprieve::repository {

struct PruneOptions {
  /// By source; a point stays if any rule of its source keeps it. A source without rules keeps all.
  std::map<std::string, std::vector<RetentionRule>> rules = {};
  double unused_max = 0.3;  ///< Share of dead bytes from which on a pack of data is copied.
  /// A session that is older, and neither finished nor fenced, is fenced off: its backup fails if
  /// it still runs. A courtesy to slow backups, nothing that safety needs.
  Duration fence_after = std::chrono::hours{72};
  bool is_fencing_now = false;  ///< However young they are.
  bool is_dry_run = false;      ///< Only decides and measures.
};

struct PruneReport {
  struct Point {
    Snapshot snapshot;
    RetentionVerdict verdict;
  };
  /// Deleted space that cannot be given back yet.
  struct Waiting {
    std::string session;  ///< Hexadecimal; empty: not for a session, but for the next run.
    WriterId writer{};
    Instant began;
    std::uint64_t packs = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<Point> points;  ///< All, oldest first; those of a dry run included.
  std::uint64_t points_removed = 0;
  std::uint64_t packs_deleted = 0;
  std::uint64_t bytes_freed = 0;  ///< Of packs deleted.
  std::uint64_t packs_copied = 0;
  std::uint64_t bytes_written = 0;      ///< Of packs that took over what others still had.
  std::uint64_t bytes_kept = 0;         ///< Of packs that stay.
  std::uint64_t bytes_reclaimable = 0;  ///< Dry run: what packs would shrink by, now or later.
  std::vector<Waiting> waiting;
  std::uint64_t sessions_fenced = 0;
};

/// Removes recovery points that no rule keeps and gives their space back, beside any number of
/// running backups and other prunes. Safety rests on no clock: docs/adr/0010-garbage-collection.md.
/// May be stopped at any time, and the next run finishes the work. Retention needs a key that reads
/// descriptions and may sign; without the reading key only garbage is collected. Errors: kDenied if
/// the key may not prune; kCorrupt if something that points need is damaged: then nothing was
/// condemned; kConflict if other prunes kept being quicker; the store's; kCancelled.
Result<PruneReport> prune(Repository& repository, const PruneOptions& options,
                          const CancelToken& cancel);

/// What keeps a recovery point whatever the rules say.
struct Hold {
  SnapshotId snapshot;
  Instant time;
  std::string text;
};
/// Durable on return. Errors: kDenied if the key may not prune; kInvalid for a text above 1000
/// bytes; kConflict if the point is just being removed; the store's.
Result<> hold_point(Repository& repository, const SnapshotId& snapshot, const std::string& text);
/// Releases every hold of the point. Errors: kNotFound if there is none; as hold_point().
Result<> release_point(Repository& repository, const SnapshotId& snapshot);
/// Holds in force. Errors: the store's.
Result<std::vector<Hold>> list_holds(const Repository& repository);

}  // namespace reprieve::repository
