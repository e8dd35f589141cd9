#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/verifications.hpp"
#include "plan/model.hpp"
#include "repository/repository.hpp"
#include "repository/snapshot.hpp"

namespace reprieve::app {

/// How one source stands: what would be lost if its disaster came now, against what was promised.
struct SourceExposure {
  std::string source;
  std::optional<SnapshotId> newest;
  /// Age of the newest point's data, or of the log that goes on from a point; nothing without one.
  std::optional<Duration> exposure;
  std::optional<Duration> objective;  ///< The tightest rpo of the services that use the source.
  std::optional<Instant> verified;    ///< When a point of it was last proven readable.
  bool is_kept = true;                ///< Exposure within the objective, or none was promised.
};

/// Up to which moment each source can be brought back by the log that goes on from its points, by
/// name; only sources whose log is held. Errors: the store's.
using LogEnds = std::map<std::string, Instant>;
Result<LogEnds> read_log_ends(const repository::Repository& repository,
                              const std::vector<repository::Snapshot>& snapshots);

/// Pure. One row per source of the plan, in its order; without a plan, of the snapshots, by name.
std::vector<SourceExposure> exposures(const plan::Plan* plan,
                                      const std::vector<repository::Snapshot>& snapshots,
                                      const LogEnds& log_ends, const Verifications& verifications,
                                      Instant now);

}  // namespace reprieve::app
