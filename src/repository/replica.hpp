#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "repository/repository.hpp"
#include "repository/stream.hpp"
#include "repository/verify.hpp"
#include "storage/object_store.hpp"

/// Replicas: other stores with the same objects (docs/adr/0015-replicas.md).
namespace reprieve::repository {

/// Whether a store is marked as a replica: nobody but sync_replica() and heal_from_copies() writes
/// there. Errors: the store's.
Result<bool> is_replica(ObjectStore& store);

struct SyncOptions {
  /// An empty store becomes a replica, too. Without it an empty one is refused: it may be a disk
  /// that is not mounted.
  bool is_new = false;
  bool is_dry_run = false;  ///< Only looks and counts; needs no signing key.
  unsigned threads = 4;     ///< Each holds one pack in memory.
};

struct SyncReport {
  std::uint64_t objects_missing = 0;  ///< Of the primary's, when the work began.
  std::uint64_t bytes_missing = 0;
  std::uint64_t points_missing = 0;
  std::optional<Instant> oldest_missing_point;
  std::uint64_t objects_copied = 0;
  std::uint64_t bytes_copied = 0;
  std::uint64_t objects_removed = 0;  ///< Of the replica, after the primary's.
  std::vector<std::string> healed;    ///< Objects of the replica that were damaged.
  std::vector<Damage> damaged;        ///< Of the primary, beyond healing; not copied.
  /// What the replica has and the primary has lost, for nobody removed it. As long as there is
  /// something, nothing is removed from the replica.
  std::vector<std::string> lost;

  /// Whether the replica now has all that the primary has.
  [[nodiscard]] bool is_complete() const { return damaged.empty() && lost.empty(); }
};

/// Brings a replica up to date: copies what it lacks, each object proved before it is stored, and
/// removes what garbage collection removed. At every moment the replica is a repository of which
/// every snapshot restores; may be stopped at any time, and the next run goes on. Announces a
/// session in the primary meanwhile, so that prunes beside it delete nothing. Progress counts bytes
/// to copy. Errors: kConflict if the store holds something else than a replica of this repository,
/// or both were written to; kNotFound if it is empty and not to be new; kDenied if the key may
/// neither write nor prune; the stores'; kCancelled.
Result<SyncReport> sync_replica(Repository& primary, ObjectStore& replica,
                                const SyncOptions& options, Progress& progress,
                                const CancelToken& cancel);

/// Makes a replica a repository of its own, for when its primary is lost for ever: fences the
/// sessions of which it cannot know all, then takes the mark away. Never to be done while the
/// primary is still written to. `replica` is open on that store. May be repeated. Errors: kConflict
/// if it is no replica; kDenied unless the key may prune; the store's.
Result<> promote_replica(Repository& replica);

/// Heals from other stores what `report` could not heal, and brings back what `store` lost: objects
/// that no garbage collection removed. `repository` is open on `store`. What it does goes into
/// `report`, as does a copy that cannot be read. Errors: the store's; kCancelled.
Result<> heal_from_copies(Repository& repository, std::span<ObjectStore* const> copies,
                          bool is_dry_run, RepairReport& report, const CancelToken& cancel);

/// Brings pieces of streams back that are in `copy` and that `repository`'s store has lost: what
/// was pruned must not be among them. As heal_from_copies() otherwise.
Result<> bring_back_pieces(Repository& repository, ObjectStore& copy,
                           const std::vector<StreamPiece>& pieces, bool is_dry_run,
                           RepairReport& report, const CancelToken& cancel);

/// Brings configs back, and slots if none is left, for a store that cannot be opened without them.
/// `repository` is open on `copy`, or on a store behind which it lies. Errors: the stores'.
Result<> bring_back_entry(Repository& repository, ObjectStore& store, ObjectStore& copy);

}  // namespace reprieve::repository
