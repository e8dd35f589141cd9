#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/model.hpp"

/// What a plan gives `reprieve serve` to do. Pure.
namespace reprieve::app {

/// Backups of some sources into one storage, as one policy has them.
struct BackupJob {
  std::string storage;
  std::vector<std::string> sources;
  plan::Schedule schedule;
  std::optional<plan::Proof> proof = {};   ///< Of each point that is taken.
  [[nodiscard]] std::string name() const;  ///< "backup of shopdb, uploads to near".
};

/// A receiver of one source's log for one storage.
struct ReceptionJob {
  std::string storage;
  std::string source;
  std::string slot;
  [[nodiscard]] std::string name() const;  ///< "log of shopdb to near".
};

struct ServeJobs {
  std::vector<BackupJob> backups;
  std::vector<ReceptionJob> receptions;
};

/// In the plan's order; policies without `every` give none. Each storage has a slot of its own,
/// the first one of a source the one that `reprieve wal receive` takes by itself.
ServeJobs jobs_of(const plan::Plan& plan);

}  // namespace reprieve::app
