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
  /// Share of dead bytes from which on a pack of data is copied. With 0, and a key that reads data,
  /// not a byte of what no point needs stays: frames that the living share with the dead are opened
  /// and made anew.
  double unused_max = 0.3;
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
  std::uint64_t bytes_freed = 0;    ///< Of packs deleted.
  std::uint64_t packs_refused = 0;  ///< Condemned, and the store does not let them go yet.
  std::uint64_t bytes_refused = 0;
  std::string refusal;  ///< What it said of the first object, a lock's end for example.
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

/// What became of a point that was to go whatever the rules say.
enum class Burial : std::uint8_t {
  kBuried,
  kHeld,    ///< It stays: somebody holds it.
  kTooNew,  ///< Others may stand on it until a prune has seen it. Prune, then try again.
};
/// Puts the tombs of points that others replace. Repeatable; durable on return. In the order given.
/// Errors: kDenied if the key may not prune; the store's.
Result<std::vector<Burial>> bury_points(Repository& repository,
                                        const std::vector<Snapshot>& points);

/// Those of `chunks` that any recovery point needs. As costly as the marking of a prune. Errors:
/// kCorrupt if something that points need is damaged; the store's; kCancelled.
Result<std::vector<ChunkId>> needed_chunks(Repository& repository,
                                           const std::vector<ChunkId>& chunks,
                                           const CancelToken& cancel);

}  // namespace reprieve::repository
