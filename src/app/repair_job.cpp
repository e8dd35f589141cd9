#include "app/repair_job.hpp"

#include "app/replicas.hpp"
#include "app/verifications.hpp"
#include "backup/repository_reader.hpp"
#include "backup/verify_point.hpp"

namespace reprieve::app {
namespace {

bool can_read(const repository::Repository& repository) {
  const repository::Role role = repository.role();
  return role == repository::Role::kReader || role == repository::Role::kAdmin;
}

/// What of `point` is lost. A root that cannot be read loses all.
Result<std::vector<Problem>> lost_paths(backup::RepositoryReader& reader,
                                        const repository::Snapshot& point,
                                        const repository::Loss& loss) {
  const auto roots = reader.roots_of(point);
  if (!roots) {
    const ErrorKind kind = roots.error().kind;
    if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kNotFound) return roots.error();
    return std::vector<Problem>{{Problem::Kind::kUnreadable, "/", roots.error().what}};
  }
  REPRIEVE_TRY(
      backup::PointCheck check,
      backup::find_losses(reader, *roots, [&](const ChunkId& id) { return loss.has(id); }));
  return std::move(check.damages);
}

}  // namespace

Result<RepairOutcome> repair(const Workspace& workspace, OpenRepository& open,
                             const RepairChoices& choices, Progress& progress,
                             const CancelToken& cancel) {
  RepairOutcome outcome;
  repository::RepairReport& report = outcome.report;
  REPRIEVE_TRY(report, repository::repair(*open.store, open.repository.get(), choices.is_dry_run, 0,
                                          progress, cancel));
  if (open.repository == nullptr) return outcome;
  REPRIEVE_RETURN_IF_ERROR(heal_from_replicas(workspace, open, choices.is_dry_run, report, cancel));
  if (choices.is_from_versions)
    REPRIEVE_RETURN_IF_ERROR(
        heal_from_versions(workspace, open, choices.is_dry_run, report, cancel));
  REPRIEVE_RETURN_IF_ERROR(mark_losses(*open.repository, choices.is_dry_run, report));
  const repository::Loss& loss = report.lost;
  if (!can_read(*open.repository)) return outcome;
  outcome.is_looked_through = true;
  if (loss.packs.empty()) return outcome;
  auto verifications = Verifications::load(workspace.state_dir(), to_hex(open.repository->id()));
  Progress walked;
  backup::RepositoryReader reader{*open.repository, walked, cancel};
  REPRIEVE_TRY(const auto list, open.repository->snapshots());  // Some may just have come back.
  for (const repository::Snapshot& point : list.snapshots) {
    REPRIEVE_TRY(std::vector<Problem> paths, lost_paths(reader, point, loss));
    if (paths.empty()) continue;
    if (!choices.is_dry_run)
      REPRIEVE_RETURN_IF_ERROR(
          verifications.record(point.id, {open.repository->clock().now(), "reach", false}));
    outcome.losses.push_back({point, std::move(paths)});
  }
  return outcome;
}

}  // namespace reprieve::app
