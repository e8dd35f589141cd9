#pragma once

#include <vector>

#include "app/replicas.hpp"
#include "app/workspace.hpp"
#include "backup/wal_prune.hpp"
#include "base/cancel.hpp"
#include "repository/prune.hpp"

/// The part of a prune that the log of databases takes.
namespace reprieve::app {

/// What is left after a prune, whatever it is of: what `report` says is kept, and, if it was no dry
/// run, all that is there now. Errors: kCorrupt if a recovery point is damaged; the store's.
Result<std::vector<repository::Snapshot>> kept_points(const OpenRepository& open,
                                                      const repository::PruneReport& report,
                                                      bool is_dry_run);

/// Removes from each replica what prune_wal() says is not needed of what that replica holds, and
/// the primary does not hold any more. One that is not complete keeps all of it, for then nobody
/// knows what its primary lost. What was removed is counted in `outcomes`, of sync_replicas(), as
/// is a failure. Errors: kCancelled; the primary's.
Result<> prune_replica_logs(const Workspace& workspace, const OpenRepository& open,
                            const std::vector<repository::Snapshot>& kept,
                            std::vector<ReplicaOutcome>& outcomes, const CancelToken& cancel);

}  // namespace reprieve::app
