#include "app/log_prune.hpp"

#include <algorithm>

#include "app/stores.hpp"

namespace reprieve::app {

Result<KeptPoints> kept_points(const OpenRepository& open, const repository::PruneReport& report,
                               bool is_dry_run) {
  KeptPoints kept;
  for (const auto& [point, verdict] : report.points)
    if (verdict.is_kept) kept.points.push_back(point);
  if (is_dry_run) return kept;
  // A hold that came at the last moment has brought points back, and new ones may have come.
  REPRIEVE_TRY(const auto now, open.repository->snapshots());
  if (!now.damaged.empty()) kept.doubt = now.damaged.front() + " is damaged";
  for (const repository::Snapshot& point : now.snapshots)
    if (std::ranges::find(kept.points, point.id, &repository::Snapshot::id) == kept.points.end())
      kept.points.push_back(point);
  return kept;
}

Result<backup::WalPruneReport> prune_log(const OpenRepository& open, const KeptPoints& kept,
                                         bool is_dry_run, const CancelToken& cancel) {
  if (!kept.doubt.empty()) return backup::WalPruneReport{.streams = {}, .left_alone = kept.doubt};
  const repository::Repository& repository = *open.repository;
  return backup::prune_wal(repository, repository.store(), kept.points,
                           {.is_dry_run = is_dry_run, .spared = {}}, cancel);
}

Result<> prune_replica_logs(const Workspace& workspace, const OpenRepository& open,
                            const KeptPoints& kept, std::vector<ReplicaOutcome>& outcomes,
                            const CancelToken& cancel) {
  if (!kept.doubt.empty()) return kOk;
  REPRIEVE_TRY(const auto places, workspace.replica_places());
  REPRIEVE_TRY(const auto pieces, repository::StreamReader{*open.repository}.list());
  const backup::WalPruneOptions options{.is_dry_run = false,
                                        .spared = {pieces.begin(), pieces.end()}};
  for (std::size_t i = 0; i < std::min(places.size(), outcomes.size()); ++i) {
    ReplicaOutcome& outcome = outcomes[i];
    if (!outcome.is_complete()) continue;
    const auto pruned = [&]() -> Result<backup::WalPruneReport> {
      REPRIEVE_TRY(const auto store, open_store(places[i]));
      return backup::prune_wal(*open.repository, *store, kept.points, options, cancel);
    }();
    if (!pruned && pruned.error().kind == ErrorKind::kCancelled) return pruned.error();
    if (!pruned) {
      outcome.report.reset();
      outcome.error = pruned.error();
      continue;
    }
    for (const auto& stream : pruned->streams)
      outcome.report->objects_removed += stream.before.pieces + stream.covered.pieces;
  }
  return kOk;
}

}  // namespace reprieve::app
