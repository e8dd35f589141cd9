#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/verifications.hpp"
#include "plan/model.hpp"
#include "repository/snapshot.hpp"

namespace reprieve::app {

/// How one source stands: what would be lost if its disaster came now, against what was promised.
struct SourceExposure {
  std::string source;
  std::optional<SnapshotId> newest;
  std::optional<Duration> exposure;   ///< Age of the newest point's data; nothing without a point.
  std::optional<Duration> objective;  ///< The tightest rpo of the services that use the source.
  std::optional<Instant> verified;    ///< When a point of it was last proven readable.
  bool is_kept = true;                ///< Exposure within the objective, or none was promised.
};

/// Pure. One row per source of the plan, in its order; without a plan, of the snapshots, by name.
std::vector<SourceExposure> exposures(const plan::Plan* plan,
                                      const std::vector<repository::Snapshot>& snapshots,
                                      const Verifications& verifications, Instant now);

}  // namespace reprieve::app
