#include "repository/internal/repair_indexes.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "repository/internal/index.hpp"
#include "repository/internal/index_record.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/reindex.hpp"

namespace reprieve::repository {
namespace {

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

}  // namespace

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

}  // namespace reprieve::repository
