#include <algorithm>
#include <mutex>
#include <set>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/loss.hpp"
#include "repository/internal/loss_record.hpp"
#include "repository/internal/lost_packs.hpp"
#include "repository/internal/object_check.hpp"
#include "repository/internal/parallel.hpp"
#include "repository/internal/repair_indexes.hpp"
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
  REPRIEVE_TRY(const GcState gc, read_whole_plans(repository.store(), repository.keys()));
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

Result<> mark_losses(Repository& repository, bool dry_run, RepairReport& report) {
  REPRIEVE_TRY(const auto marked, read_losses(repository.store(), repository.keys()));
  std::set<PackId> packs;
  for (const auto& [pack, loss] : marked)
    packs.insert(pack);
  for (const Damage& damage : report.left)
    if (const auto id = pack_id_in_key(damage.object)) packs.insert(*id);
  if (dry_run)  // What would be healed is not yet.
    for (const std::string& object : report.healed)
      if (const auto id = pack_id_in_key(object)) packs.erase(*id);
  REPRIEVE_TRY(report.lost, measure_loss(repository, packs));
  report.is_marked = std::ranges::all_of(report.lost.packs,
                                         [&](const PackId& pack) { return marked.contains(pack); });
  if (dry_run || !repository.keys().can_sign()) return kOk;
  for (const PackId& pack : report.lost.packs)
    if (!marked.contains(pack)) REPRIEVE_RETURN_IF_ERROR(put_loss(repository, pack));
  for (const auto& [pack, loss] : marked)
    if (!report.lost.packs.contains(pack)) REPRIEVE_RETURN_IF_ERROR(release_loss(repository, loss));
  report.is_marked = true;
  return repository.store().sync();
}

}  // namespace reprieve::repository
