#pragma once

#include <memory>
#include <string>

#include "app/jobs.hpp"
#include "recovery/context.hpp"

namespace reprieve::app {

/// Chooses recovery points for a run. The repository is opened at the first question and kept.
class RepositoryPoints : public recovery::PointResolver {
 public:
  RepositoryPoints(Workspace& workspace, const CancelToken& cancel);
  Result<recovery::ResolvedPoint> resolve(const recovery::PointRequest& request) override;

 private:
  Workspace& workspace_;
  const CancelToken& cancel_;
  std::unique_ptr<OpenRepository> open_;
};

/// The command lines of a run's restores: this program, the same repository, key and plan.
class ChildRestores : public recovery::RestoreCommands {
 public:
  ChildRestores(const Workspace& workspace, std::string program);
  Result<recovery::HostCommand> restore(const recovery::RestoreRequest& request) override;
  Result<recovery::HostCommand> check(const recovery::RestoredCheckRequest& request) override;

 private:
  [[nodiscard]] recovery::HostCommand child(const std::vector<std::string>& words) const;

  const Workspace& workspace_;
  const std::string program_;
};

}  // namespace reprieve::app
