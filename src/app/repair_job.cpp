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

/// Beyond parity the bytes of replicas and of earlier versions come first: what they heal need not
/// be marked as lost. Says what was healed, or would be.
Result<std::vector<std::string>> heal_beyond_parity(const Workspace& workspace,
                                                    OpenRepository& open,
                                                    const RepairChoices& choices,
                                                    Progress& progress, const CancelToken& cancel) {
  REPRIEVE_TRY(const auto replicas, workspace.replica_places());
  const bool has_elsewhere = !replicas.empty() || choices.is_from_versions;
  if (!has_elsewhere || open.repository == nullptr) return std::vector<std::string>{};
  REPRIEVE_TRY(repository::RepairReport found,
               repository::repair(*open.store, open.repository.get(), true, 0, progress, cancel));
  found.healed.clear();  // By parity: that is done once more, and in earnest.
  REPRIEVE_RETURN_IF_ERROR(heal_from_replicas(workspace, open, choices.is_dry_run, found, cancel));
  if (choices.is_from_versions)
    REPRIEVE_RETURN_IF_ERROR(
        heal_from_versions(workspace, open, choices.is_dry_run, found, cancel));
  return std::move(found.healed);
}

/// What a dry run says will be healed from a replica is neither left nor lost.
void set_aside(const std::vector<std::string>& healed, repository::RepairReport& report) {
  for (const std::string& object : healed) {
    std::erase_if(report.left,
                  [&](const repository::Damage& damage) { return damage.object == object; });
    report.healed.push_back(object);
  }
  if (report.left.empty()) report.lost = {};
}

}  // namespace

Result<RepairOutcome> repair(const Workspace& workspace, OpenRepository& open,
                             const RepairChoices& choices, Progress& progress,
                             const CancelToken& cancel) {
  RepairOutcome outcome;
  REPRIEVE_TRY(const auto healed, heal_beyond_parity(workspace, open, choices, progress, cancel));
  REPRIEVE_TRY(outcome.report, repository::repair(*open.store, open.repository.get(),
                                                  choices.is_dry_run, 0, progress, cancel));
  set_aside(healed, outcome.report);
  const repository::Loss& loss = outcome.report.lost;
  if (open.repository == nullptr || !can_read(*open.repository)) return outcome;
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
