#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/workspace.hpp"
#include "repository/replica.hpp"

namespace reprieve::app {

/// What became of one replica; exactly one of the two is there.
struct ReplicaOutcome {
  std::string store;
  std::optional<repository::SyncReport> report;
  std::optional<Error> error;

  [[nodiscard]] bool is_complete() const { return report && report->is_complete(); }
};

/// Brings every replica that was named up to date, one after the other; one that fails stops none
/// of the others. With `is_new` also makes folders that are not there. Errors: kCancelled; kInvalid
/// for a place that is none; kDenied if the key may not.
Result<std::vector<ReplicaOutcome>> sync_replicas(const Workspace& workspace, OpenRepository& open,
                                                  const repository::SyncOptions& options,
                                                  Progress& progress, const CancelToken& cancel);

/// Brings back from the replicas what the first store lost or what `report` could not heal. A
/// replica that cannot be reached is warned of and passed over. Errors: as heal_from_copies().
Result<> heal_from_replicas(const Workspace& workspace, OpenRepository& open, bool is_dry_run,
                            repository::RepairReport& report, const CancelToken& cancel);

/// The same from earlier versions in the first store's bucket: what was hidden by delete markers or
/// overwritten. Errors: kInvalid unless it is S3's; as heal_from_copies().
Result<> heal_from_versions(const Workspace& workspace, OpenRepository& open, bool is_dry_run,
                            repository::RepairReport& report, const CancelToken& cancel);

}  // namespace reprieve::app
