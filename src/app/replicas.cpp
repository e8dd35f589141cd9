#include "app/replicas.hpp"

#include "app/stores.hpp"
#include "storage/s3/version_view.hpp"

namespace reprieve::app {
namespace {

Result<std::unique_ptr<ObjectStore>> open_replica(const StorePlace& place, bool is_new) {
  auto opened = open_store(place);
  if (opened || !is_new || opened.error().kind != ErrorKind::kNotFound) return opened;
  return make_store(place);
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
  return repository::heal_from_copies(*open.repository, copies, is_dry_run, report, cancel);
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
