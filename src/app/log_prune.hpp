#pragma once

#include <string>
#include <vector>

#include "app/replicas.hpp"
#include "app/workspace.hpp"
#include "backup/wal_prune.hpp"
#include "base/cancel.hpp"
#include "repository/prune.hpp"

/// The part of a prune that the log of databases takes.
namespace reprieve::app {

/// What is left after a prune, whatever it is of.
struct KeptPoints {
  std::vector<repository::Snapshot> points;
  std::string doubt;  ///< Why these may not be all; else empty.
};
/// What `report` says is kept and, if it was no dry run, all that is there now. Errors: the
/// store's.
Result<KeptPoints> kept_points(const OpenRepository& open, const repository::PruneReport& report,
                               bool is_dry_run);

/// prune_wal() of the first store; while the points are in doubt the log is left alone.
Result<backup::WalPruneReport> prune_log(const OpenRepository& open, const KeptPoints& kept,
                                         bool is_dry_run, const CancelToken& cancel);

/// Removes from each replica what prune_wal() says is not needed of what that replica holds, and
/// the primary does not hold any more. One that is not complete keeps all of it, for then nobody
/// knows what its primary lost. What was removed is counted in `outcomes`, of sync_replicas(), as
/// is a failure. Errors: kCancelled; the primary's.
Result<> prune_replica_logs(const Workspace& workspace, const OpenRepository& open,
                            const KeptPoints& kept, std::vector<ReplicaOutcome>& outcomes,
                            const CancelToken& cancel);

}  // namespace reprieve::app
