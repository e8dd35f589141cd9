#include "repository/internal/replica_look.hpp"

#include <algorithm>

#include "repository/internal/index.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/live_chunks.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/snapshot_store.hpp"
#include "repository/internal/store_look.hpp"

namespace reprieve::repository {
namespace {

/// Snapshots that a tomb in either store names.
Result<std::set<SnapshotId>> read_buried(const KeyRing& keys, ObjectStore& primary,
                                         ObjectStore& replica) {
  std::set<SnapshotId> buried;
  for (ObjectStore* store : {&primary, &replica}) {
    REPRIEVE_TRY(const TombList list, read_tombs(*store, keys));
    for (const Tomb& tomb : list.tombs)
      if (tomb.what == Tomb::What::kSnapshot) buried.insert(tomb.snapshot);
  }
  return buried;
}

Result<> add_lost_snapshots(const KeyRing& keys, ObjectStore& primary, ObjectStore& replica,
                            std::vector<ObjectKey>& lost) {
  REPRIEVE_TRY(const StoreDifference found, compare_stores(primary, replica, kSnapshotPrefix));
  if (found.extra.empty()) return kOk;
  REPRIEVE_TRY(const auto buried, read_buried(keys, primary, replica));
  for (const ObjectInfo& object : found.extra) {
    const auto name = parse_snapshot_key(object.key);
    if (!name) continue;
    const auto stored = read_snapshot(replica, keys, *name);
    if (!stored && stored.error().kind == ErrorKind::kCorrupt) continue;  // Nobody can use it.
    if (!stored) return stored.error();
    if (!buried.contains(stored->snapshot.id)) lost.push_back(object.key);
  }
  return kOk;
}

/// A tomb is taken back when a hold was quicker; its snapshot is still there then.
Result<> add_lost_tombs(const KeyRing& keys, ObjectStore& primary, ObjectStore& replica,
                        std::vector<ObjectKey>& lost) {
  REPRIEVE_TRY(const StoreDifference found, compare_stores(primary, replica, kTombPrefix));
  for (const ObjectInfo& object : found.extra) {
    REPRIEVE_TRY(const bool is_back, is_withdrawn_tomb(keys, primary, replica, object.key));
    if (!is_back) lost.push_back(object.key);
  }
  return kOk;
}

/// Whether everything that a snapshot needs is found in the primary.
Result<bool> has_all_it_needs(Repository& repository, const CancelToken& cancel) {
  REPRIEVE_TRY(const StoreLook look, look_at_store(repository, {}));
  LiveChunks live{repository, cancel};
  const auto marked = live.mark(look.roots(), look.packs);
  if (marked) return true;
  if (marked.error().kind == ErrorKind::kCorrupt) return false;
  return marked.error();
}

/// Packs go by plans. Plans go, too, and the replica may never have seen one: of a pack that none
/// names one has to look whether it is missed.
Result<> add_lost_packs(Repository& repository, ObjectStore& replica, const CancelToken& cancel,
                        ReplicaOnly& loss) {
  ObjectStore& primary = repository.store();
  REPRIEVE_TRY(const GcState near, read_gc_state(primary, repository.keys()));
  REPRIEVE_TRY(const GcState far, read_gc_state(replica, repository.keys()));
  for (const std::uint64_t n : far.numbers)
    if (n > near.newest) loss.lost.push_back(gc_key(n));
  REPRIEVE_TRY(const StoreDifference found, compare_stores(primary, replica, kPackPrefix));
  std::set<PackId> doubtful;
  for (const ObjectInfo& object : found.extra) {
    const auto id = pack_id_in_key(object.key);
    if (id && !near.condemned.contains(*id) && !far.condemned.contains(*id)) doubtful.insert(*id);
  }
  if (doubtful.empty()) return kOk;
  REPRIEVE_RETURN_IF_ERROR(repository.refresh());
  bool is_named = false;
  for (const Index::PackRow& row : repository.index().packs()) {
    if (!doubtful.contains(row.id)) continue;
    loss.lost.push_back(pack_key(row.id));
    is_named = true;
  }
  if (is_named) return kOk;
  REPRIEVE_TRY(const bool is_whole, has_all_it_needs(repository, cancel));
  if (is_whole) {
    loss.unneeded = std::move(doubtful);
    return kOk;
  }
  for (const PackId& id : doubtful)
    loss.lost.push_back(pack_key(id));
  return kOk;
}

}  // namespace

Result<StoreDifference> compare_stores(ObjectStore& primary, ObjectStore& replica,
                                       std::string_view prefix) {
  REPRIEVE_TRY(const auto theirs, list_all_objects(replica, prefix));
  StoreDifference out;
  auto at = theirs.begin();
  REPRIEVE_RETURN_IF_ERROR(primary.list(prefix, [&](const ObjectInfo& object) -> Result<> {
    for (; at != theirs.end() && at->key < object.key; ++at)
      out.extra.push_back(*at);
    if (at == theirs.end() || at->key != object.key) {
      out.missing.push_back(object);
    } else {
      if (at->size != object.size) out.unlike.push_back(object);
      ++at;
    }
    return kOk;
  }));
  out.extra.insert(out.extra.end(), at, theirs.end());
  return out;
}

Result<bool> is_withdrawn_tomb(const KeyRing& keys, ObjectStore& primary, ObjectStore& replica,
                               const ObjectKey& key) {
  auto stored = read_twin_object(replica, key, kTombBytesMax, accept_by_name(key));
  if (!stored) return std::move(stored).error();
  REPRIEVE_TRY(const Tomb tomb, parse_tomb(stored->record));
  if (tomb.what != Tomb::What::kSnapshot) return false;
  const auto snapshot = read_snapshot(primary, keys, {tomb.writer, tomb.seq});
  if (snapshot) return snapshot->snapshot.id == tomb.snapshot;
  if (snapshot.error().kind == ErrorKind::kNotFound) return false;
  return snapshot.error();
}

Result<SameName> compare_object(const ObjectChecker& primary, const ObjectChecker& replica,
                                const ObjectKey& key) {
  REPRIEVE_TRY(const ObjectFinding near, primary.check({key, {}}, ObjectChecker::Want::kBytes));
  REPRIEVE_TRY(const ObjectFinding far, replica.check({key, {}}, ObjectChecker::Want::kBytes));
  const auto good = [](const ObjectFinding& finding) -> const std::optional<Bytes>& {
    return finding.damage ? finding.healed : finding.bytes;
  };
  if (good(near) && good(far))
    return *good(near) != *good(far) ? SameName::kFork
           : far.damage              ? SameName::kReplicaDamaged
           : near.damage             ? SameName::kPrimaryDamaged
                                     : SameName::kSame;
  if (near.damage && !near.healed) return SameName::kPrimaryDamaged;
  if (far.damage) return SameName::kReplicaDamaged;
  return SameName::kSame;  // One of them was removed meanwhile.
}

Result<std::vector<ObjectKey>> telling_names(ObjectStore& primary, ObjectStore& replica) {
  std::vector<ObjectKey> names;
  const auto common = [&](std::string_view prefix) -> Result<std::vector<ObjectKey>> {
    REPRIEVE_TRY(const auto near, list_all_objects(primary, prefix));
    REPRIEVE_TRY(const auto far, list_all_objects(replica, prefix));
    std::vector<ObjectInfo> both;
    std::ranges::set_intersection(near, far, std::back_inserter(both), {}, &ObjectInfo::key,
                                  &ObjectInfo::key);
    std::vector<ObjectKey> keys;
    keys.reserve(both.size());
    for (ObjectInfo& object : both)
      keys.push_back(std::move(object.key));
    return keys;
  };
  REPRIEVE_TRY(const auto configs, common(kConfigPrefix));
  if (!configs.empty()) names.push_back(configs.back());
  REPRIEVE_TRY(const auto plans, common(kGcPrefix));
  names.insert(names.end(), plans.begin(), plans.end());
  REPRIEVE_TRY(const auto snapshots, common(kSnapshotPrefix));
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    const std::string_view series =
        std::string_view{snapshots[i]}.substr(0, snapshots[i].rfind('/') + 1);
    // Names come in order: the last of a writer is its newest.
    if (i + 1 == snapshots.size() || !snapshots[i + 1].starts_with(series))
      names.push_back(snapshots[i]);
  }
  return names;
}

Result<ReplicaOnly> find_lost(Repository& repository, ObjectStore& replica,
                              const CancelToken& cancel) {
  ObjectStore& primary = repository.store();
  ReplicaOnly loss;
  for (const std::string_view prefix : {kConfigPrefix, kKitPrefix, kHoldPrefix}) {
    REPRIEVE_TRY(const StoreDifference found, compare_stores(primary, replica, prefix));
    for (const ObjectInfo& object : found.extra)
      loss.lost.push_back(object.key);
  }
  // A slot that was removed must not come back, so only the loss of all of them is one.
  REPRIEVE_TRY(const auto slots, list_all_objects(primary, kSlotPrefix));
  if (slots.empty()) {
    REPRIEVE_TRY(const auto theirs, list_all_objects(replica, kSlotPrefix));
    for (const ObjectInfo& object : theirs)
      loss.lost.push_back(object.key);
  }
  REPRIEVE_RETURN_IF_ERROR(add_lost_tombs(repository.keys(), primary, replica, loss.lost));
  REPRIEVE_RETURN_IF_ERROR(add_lost_packs(repository, replica, cancel, loss));
  REPRIEVE_RETURN_IF_ERROR(add_lost_snapshots(repository.keys(), primary, replica, loss.lost));
  return loss;
}

}  // namespace reprieve::repository
