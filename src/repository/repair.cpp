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
#include "repository/internal/record.hpp"
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

/// Whether the stored bytes still are not what the name promises: asked again before the one thing
/// that cannot be taken back, so that a wrong read costs nothing.
Result<bool> is_still_damaged(ObjectStore& store, const ObjectKey& key) {
  const auto bytes = store.get(key, ByteCount{kIndexBytesMax});
  if (!bytes) {
    if (bytes.error().kind == ErrorKind::kExhausted) return true;  // Larger than an index can be.
    return bytes.error();
  }
  return id_in_key(kIndexPrefix, key) != crypto::sha256(*bytes);
}

/// A damaged index whose packs are all covered anew is only in the way: every later check would
/// find it again. Nothing can be read from it, for its bytes are not what was signed.
Result<> drop_replaced_index(ObjectStore& store, const Damage& damage, bool dry_run,
                             RepairReport& report) {
  if (!dry_run) {
    REPRIEVE_TRY(const bool is_damaged, is_still_damaged(store, damage.object));
    if (!is_damaged) return kOk;
    auto removed = store.remove(damage.object);
    if (!removed && removed.error().kind == ErrorKind::kDenied) {
      report.left.push_back({damage.object,
                             "the index is damaged; its packs are covered by other indexes now, "
                             "but the store does not let it be removed",
                             false});
      return kOk;
    }
    REPRIEVE_RETURN_IF_ERROR(std::move(removed));
  }
  report.healed.push_back(damage.object);
  return kOk;
}

std::vector<Damage> take_damaged_indexes(RepairReport& report) {
  std::vector<Damage> indexes;
  std::erase_if(report.left, [&](const Damage& damage) {
    if (!damage.object.starts_with(kIndexPrefix)) return false;
    indexes.push_back(damage);
    return true;
  });
  return indexes;
}

Result<> repair_indexes(Repository& repository, bool dry_run, RepairReport& report) {
  if (!repository.keys().can_sign() || !repository.keys().can_seal_metadata()) return kOk;
  std::vector<Damage> damaged = take_damaged_indexes(report);
  // A copy in the local cache must not count as stored.
  for (const Damage& damage : damaged)
    repository.index().retire(damage.object);
  REPRIEVE_TRY(const RebuildReport rebuilt, rebuild_indexes(repository, dry_run));
  std::ranges::copy(rebuilt.indexes, std::back_inserter(report.healed));
  for (const UnreadablePack& pack : rebuilt.unreadable) {
    const bool is_known = std::ranges::any_of(
        report.left, [&](const Damage& damage) { return damage.object == pack.object; });
    if (!is_known) report.left.push_back({pack.object, "cannot be indexed: " + pack.why, false});
  }
  // Only root's key covers everybody's packs.
  const bool is_all_covered = rebuilt.unreadable.empty() && repository.keys().root_key() != nullptr;
  for (Damage& damage : damaged) {
    if (is_all_covered) {
      REPRIEVE_RETURN_IF_ERROR(drop_replaced_index(repository.store(), damage, dry_run, report));
    } else {
      damage.what = "the index is damaged; some of its packs cannot be indexed anew";
      report.left.push_back(std::move(damage));
    }
  }
  return kOk;
}

/// What cannot be healed is marked, so that the next backup brings it back; what is whole again is
/// marked no longer.
Result<> mark_losses(Repository& repository, bool dry_run, RepairReport& report) {
  REPRIEVE_TRY(const auto marked, read_losses(repository.store(), repository.keys()));
  std::set<PackId> packs;
  for (const auto& [pack, loss] : marked)
    packs.insert(pack);
  for (const Damage& damage : report.left)
    if (const auto id = pack_id_in_key(damage.object)) packs.insert(*id);
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
    REPRIEVE_RETURN_IF_ERROR(mark_losses(*repository, dry_run, report));
  }
  std::ranges::sort(report.healed);
  std::ranges::sort(report.left, {}, &Damage::object);
  return report;
}

}  // namespace reprieve::repository
