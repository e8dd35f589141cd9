#include "app/replicas.hpp"

#include <algorithm>

#include "app/stores.hpp"
#include "backup/wal_prune.hpp"
#include "storage/s3/version_view.hpp"

namespace reprieve::app {
namespace {

Result<std::unique_ptr<ObjectStore>> open_replica(const StorePlace& place, bool is_new) {
  auto opened = open_store(place);
  if (opened || !is_new || opened.error().kind != ErrorKind::kNotFound) return opened;
  return make_store(place);
}

/// Log that a copy holds, that is needed, and that the first store lacks: a thief took it.
Result<> bring_log_back(OpenRepository& open, ObjectStore& copy, bool is_dry_run,
                        repository::RepairReport& report, const CancelToken& cancel) {
  repository::Repository& repository = *open.repository;
  REPRIEVE_TRY(const auto listed, repository.snapshots());
  REPRIEVE_TRY(auto missing, backup::needed_wal(repository, copy, listed.snapshots));
  REPRIEVE_TRY(const auto here, repository::StreamReader{repository}.list());
  std::erase_if(missing, [&](const repository::StreamPiece& piece) {
    return std::ranges::binary_search(here, piece);
  });
  if (missing.empty()) return kOk;
  return repository::bring_back_pieces(repository, copy, missing, is_dry_run, report, cancel);
}

}  // namespace

Result<std::vector<ReplicaOutcome>> sync_replicas(const Workspace& workspace, OpenRepository& open,
                                                  const repository::SyncOptions& options,
                                                  Progress& progress, const CancelToken& cancel) {
  REPRIEVE_TRY(const auto places, workspace.replica_places());
  std::vector<ReplicaOutcome> outcomes;
  outcomes.reserve(places.size());
  for (const StorePlace& place : places) {
    REPRIEVE_RETURN_IF_ERROR(cancel.check());
    ReplicaOutcome outcome{place.location, {}, {}};
    auto store = open_replica(place, options.is_new && !options.is_dry_run);
    if (store) {
      outcome.store = (*store)->describe();
      auto report = repository::sync_replica(*open.repository, **store, options, progress, cancel);
      if (!report && report.error().kind == ErrorKind::kCancelled) return std::move(report).error();
      if (report)
        outcome.report = *std::move(report);
      else
        outcome.error = std::move(report).error();
    } else {
      outcome.error = std::move(store).error();
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

Result<> heal_from_replicas(const Workspace& workspace, OpenRepository& open, bool is_dry_run,
                            repository::RepairReport& report, const CancelToken& cancel) {
  REPRIEVE_TRY(const auto places, workspace.replica_places());
  std::vector<std::unique_ptr<ObjectStore>> stores;
  std::vector<ObjectStore*> copies;
  for (const StorePlace& place : places) {
    auto store = open_store(place);
    if (!store) {
      workspace.warn("warning: " + store.error().what + "; healing without it");
      continue;
    }
    copies.push_back(store->get());
    stores.push_back(*std::move(store));
  }
  if (copies.empty()) return kOk;
  REPRIEVE_RETURN_IF_ERROR(
      repository::heal_from_copies(*open.repository, copies, is_dry_run, report, cancel));
  for (ObjectStore* copy : copies) {
    auto back = bring_log_back(open, *copy, is_dry_run, report, cancel);
    // Whose log it is takes a key that reads; a copy that does not answer was reported before.
    if (!back && back.error().kind != ErrorKind::kDenied &&
        back.error().kind != ErrorKind::kTransient && back.error().kind != ErrorKind::kNotFound)
      return back;
  }
  std::ranges::sort(report.healed);
  return kOk;
}

Result<> heal_from_versions(const Workspace& workspace, OpenRepository& open, bool is_dry_run,
                            repository::RepairReport& report, const CancelToken& cancel) {
  REPRIEVE_TRY(const StorePlace place, workspace.store_place());
  if (!s3::is_s3_url(place.location))
    return Error{ErrorKind::kInvalid, place.location + " keeps no versions of objects",
                 "Leave --from-versions out: it is for buckets with versioning."};
  std::vector<std::unique_ptr<ObjectStore>> views;
  std::vector<ObjectStore*> copies;
  for (const auto pick : {S3VersionView::Pick::kOldest, S3VersionView::Pick::kNewest}) {
    REPRIEVE_TRY(auto bucket, open_s3(place));
    REPRIEVE_TRY(auto view, S3VersionView::open(std::move(bucket), pick));
    copies.push_back(view.get());
    views.push_back(std::move(view));
  }
  return repository::heal_from_copies(*open.repository, copies, is_dry_run, report, cancel);
}

}  // namespace reprieve::app
