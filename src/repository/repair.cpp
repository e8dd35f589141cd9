#include <algorithm>
#include <mutex>
#include <set>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/lost_packs.hpp"
#include "repository/internal/object_check.hpp"
#include "repository/internal/parallel.hpp"
#include "repository/internal/reindex.hpp"
#include "repository/verify.hpp"

namespace reprieve::repository {

namespace {

/// Heals one object in place, and puts into `report` what became of it.
Result<> repair_object(ObjectStore& store, const ObjectChecker& checker, const ObjectInfo& object,
                       bool dry_run, std::mutex& mutex, RepairReport& report) {
  REPRIEVE_TRY(ObjectFinding finding, checker.check(object, ObjectChecker::Want::kHealed));
  if (!finding.damage) return kOk;
  if (finding.healed && !dry_run) {
    auto replaced = store.replace_damaged(object.key, *finding.healed);
    if (!replaced) return std::move(replaced).error().at("heal " + object.key);
  }
  const std::lock_guard lock{mutex};
  if (finding.healed)
    report.healed.push_back(object.key);
  else
    report.left.push_back(*std::move(finding.damage));
  return kOk;
}

/// Packs that an index names and the store has not: nothing here can bring them back.
Result<> report_lost_packs(const Repository& repository, RepairReport& report) {
  REPRIEVE_TRY(const std::set<PackId> lost,
               find_lost_packs(repository.store(), repository.index()));
  // What garbage collection has condemned may be gone for good reason.
  REPRIEVE_TRY(const GcState gc, read_gc_state(repository.store(), repository.keys()));
  for (const PackId& id : lost) {
    const ObjectKey key = pack_key(id);
    const bool is_known = std::ranges::binary_search(report.healed, key) ||
                          std::ranges::any_of(report.left, [&](const Damage& damage) {
                            return damage.object == key;
                          });
    if (!is_known && !gc.condemned.contains(id))
      report.left.push_back({key, "the pack is gone", false});
  }
  return kOk;
}

Result<> repair_indexes(Repository& repository, bool dry_run, RepairReport& report) {
  if (!repository.keys().can_sign()) return kOk;
  REPRIEVE_TRY(const RebuildReport rebuilt, rebuild_indexes(repository, dry_run));
  std::ranges::copy(rebuilt.indexes, std::back_inserter(report.healed));
  for (const UnreadablePack& pack : rebuilt.unreadable) {
    const bool is_known = std::ranges::any_of(
        report.left, [&](const Damage& damage) { return damage.object == pack.object; });
    if (!is_known) report.left.push_back({pack.object, "cannot be indexed: " + pack.why, false});
  }
  // A damaged index cannot be had back byte for byte, and repair deletes nothing.
  for (Damage& damage : report.left) {
    if (damage.object.starts_with(kIndexPrefix))
      damage.what = dry_run ? "the index is damaged; its packs would be indexed anew"
                            : "the index is damaged; its packs are covered by other indexes now";
  }
  return kOk;
}

}  // namespace

Result<RepairReport> repair(ObjectStore& store, Repository* repository, bool dry_run,
                            unsigned threads, Progress& progress, const CancelToken& cancel) {
  REPRIEVE_TRY(const auto objects, list_all_objects(store));
  REPRIEVE_TRY(const ObjectChecker checker, ObjectChecker::make(store, repository));
  for (const ObjectInfo& object : objects)
    progress.bytes_total += object.size.value;
  RepairReport report;
  std::mutex mutex;
  REPRIEVE_RETURN_IF_ERROR(
      for_each_parallel(objects.size(), threads, cancel, [&](std::size_t i) -> Result<> {
        progress.bytes += objects[i].size.value;
        return repair_object(store, checker, objects[i], dry_run, mutex, report);
      }));
  if (repository != nullptr) {
    std::ranges::sort(report.healed);
    REPRIEVE_RETURN_IF_ERROR(report_lost_packs(*repository, report));
    // After the packs, so that healed ones give their trailers.
    REPRIEVE_RETURN_IF_ERROR(repair_indexes(*repository, dry_run, report));
  }
  std::ranges::sort(report.healed);
  std::ranges::sort(report.left, {}, &Damage::object);
  return report;
}

}  // namespace reprieve::repository
