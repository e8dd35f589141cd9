#pragma once

#include <vector>

#include "app/workspace.hpp"
#include "base/cancel.hpp"
#include "base/progress.hpp"
#include "repository/verify.hpp"
#include "source/source.hpp"

namespace reprieve::app {

/// What one recovery point has lost until a backup brings it back.
struct PointLoss {
  repository::Snapshot point;
  std::vector<Problem> paths;
};

struct RepairChoices {
  bool is_dry_run = false;        ///< Only says what would be done.
  bool is_from_versions = false;  ///< Heals from earlier versions in the bucket, too.
};

struct RepairOutcome {
  repository::RepairReport report;
  std::vector<PointLoss> losses;   ///< Oldest first.
  bool is_looked_through = false;  ///< Every point was: `losses` is all.
};

/// Heals what can be healed (from parity, replicas, versions), marks what cannot, and finds out
/// which paths of which points that costs, if the key can read; points that lost something are
/// remembered as damaged. `open` may hold a store only. Errors: the store's; kCancelled.
Result<RepairOutcome> repair(const Workspace& workspace, OpenRepository& open,
                             const RepairChoices& choices, Progress& progress,
                             const CancelToken& cancel);

}  // namespace reprieve::app
