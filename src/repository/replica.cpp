#include "repository/replica.hpp"

#include <algorithm>
#include <set>

#include "repository/internal/collector.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/reindex.hpp"
#include "repository/internal/repair_indexes.hpp"
#include "repository/internal/replica_sync.hpp"
#include "repository/internal/session_list.hpp"
#include "repository/internal/snapshot_store.hpp"
#include "repository/internal/unlock.hpp"

namespace reprieve::repository {
namespace {

Result<std::set<SessionId>> finished_sessions(ObjectStore& store, const KeyRing& keys) {
  std::set<SessionId> finished;
  REPRIEVE_TRY(const auto names, list_snapshots(store));
  for (const SnapshotName& name : names) {
    const auto stored = read_signed_snapshot(store, keys, name);
    if (stored && stored->is_final) finished.insert(stored->session);
    if (!stored && stored.error().kind != ErrorKind::kCorrupt) return stored.error();
  }
  return finished;
}

/// Sessions of which a replica may have a part only: announced ones, and those of packs that no
/// index names yet.
Result<std::set<SessionId>> doubtful_sessions(Repository& replica) {
  std::set<SessionId> sessions;
  REPRIEVE_TRY(const auto announced, read_sessions(replica.store(), replica.keys()));
  for (const StoredSession& session : announced)
    sessions.insert(session.id);
  REPRIEVE_TRY(const auto uncovered, list_uncovered_packs(replica));
  if (!uncovered.empty()) REPRIEVE_RETURN_IF_ERROR(index_from_trailers(replica));
  for (const ObjectInfo& object : uncovered) {
    const auto id = pack_id_in_key(object.key);
    const auto row = id ? replica.index().find_pack(*id) : std::nullopt;
    if (!row) continue;  // Damaged, or not ours: nobody can rely on it.
    const auto label = parse_label(row->label);
    if (label) sessions.insert(label->session);
  }
  REPRIEVE_TRY(const auto finished, finished_sessions(replica.store(), replica.keys()));
  for (const SessionId& id : finished)
    sessions.erase(id);
  return sessions;
}

/// One damaged or absent object of `store` from `copy`. False: the copy does not have it whole.
Result<bool> heal_one(ObjectStore& store, const ObjectChecker& copy, const ObjectKey& key,
                      bool is_dry_run) {
  const auto found = copy.check({key, {}}, ObjectChecker::Want::kBytes);
  if (!found) return false;
  const std::optional<Bytes>& bytes = found->damage ? found->healed : found->bytes;
  if (!bytes) return false;
  if (is_dry_run) return true;
  auto replaced = store.replace_damaged(key, *bytes);
  if (!replaced) return std::move(replaced).error().at("heal " + key);
  return true;
}

Result<> heal_from_copy(Repository& repository, ObjectStore& copy, bool is_dry_run,
                        RepairReport& report, const CancelToken& cancel) {
  ObjectStore& store = repository.store();
  REPRIEVE_TRY(const ObjectChecker checker, ObjectChecker::make(copy, &repository));
  const auto heal = [&](const ObjectKey& key) -> Result<bool> {
    REPRIEVE_RETURN_IF_ERROR(cancel.check());
    REPRIEVE_TRY(const bool is_healed, heal_one(store, checker, key, is_dry_run));
    if (is_healed) report.healed.push_back(key);
    return is_healed;
  };
  std::vector<Damage> left;
  for (Damage& damage : report.left) {
    REPRIEVE_TRY(const bool is_healed, heal(damage.object));
    if (!is_healed) left.push_back(std::move(damage));
  }
  report.left = std::move(left);
  // Packs that an index names come first; whether that is all, the next look tells.
  for (bool has_found = true; has_found;) {
    REPRIEVE_TRY(const ReplicaOnly loss, find_lost(repository, copy, cancel));
    has_found = false;
    for (const ObjectKey& key : loss.lost) {
      if (std::ranges::find(report.healed, key) != report.healed.end()) continue;
      REPRIEVE_TRY(const bool is_healed, heal(key));
      has_found = has_found || (is_healed && !is_dry_run);
      const bool is_known = std::ranges::any_of(
          report.left, [&](const Damage& damage) { return damage.object == key; });
      if (!is_healed && !is_known)
        report.left.push_back({key, "it is lost here, and damaged in " + copy.describe(), false});
    }
  }
  return kOk;
}

}  // namespace

Result<bool> is_replica(ObjectStore& store) {
  REPRIEVE_TRY(const auto marks, list_all_objects(store, kReplicaPrefix));
  return !marks.empty();
}

Result<SyncReport> sync_replica(Repository& primary, ObjectStore& replica,
                                const SyncOptions& options, Progress& progress,
                                const CancelToken& cancel) {
  SyncReport report;
  ReplicaSync sync{primary, replica, options, progress, cancel, report};
  REPRIEVE_RETURN_IF_ERROR(sync.run());
  std::ranges::sort(report.damaged, {}, &Damage::object);
  return report;
}

Result<> promote_replica(Repository& replica) {
  REPRIEVE_RETURN_IF_ERROR(check_may_prune(replica.keys()));
  ObjectStore& store = replica.store();
  REPRIEVE_TRY(const bool is_marked, is_replica(store));
  if (!is_marked)
    return Error{ErrorKind::kConflict, store.describe() + " is no replica",
                 "It is written to as it is: nothing has to be done."};
  REPRIEVE_TRY(const auto sessions, doubtful_sessions(replica));
  for (const SessionId& session : sessions)
    REPRIEVE_RETURN_IF_ERROR(fence(replica, session));
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  REPRIEVE_RETURN_IF_ERROR(store.remove(replica_mark(replica.id())));
  return store.sync();
}

Result<> bring_back_pieces(Repository& repository, ObjectStore& copy,
                           const std::vector<StreamPiece>& pieces, bool is_dry_run,
                           RepairReport& report, const CancelToken& cancel) {
  REPRIEVE_TRY(const ObjectChecker checker, ObjectChecker::make(copy, &repository));
  for (const StreamPiece& piece : pieces) {
    REPRIEVE_RETURN_IF_ERROR(cancel.check());
    const ObjectKey key = stream_piece_key(piece);
    REPRIEVE_TRY(const bool is_back, heal_one(repository.store(), checker, key, is_dry_run));
    if (is_back)
      report.healed.push_back(key);
    else
      report.left.push_back({key, "it is lost here, and damaged in " + copy.describe(), false});
  }
  return repository.store().sync();
}

Result<> bring_back_entry(Repository& repository, ObjectStore& store, ObjectStore& copy) {
  REPRIEVE_TRY(const ObjectChecker checker, ObjectChecker::make(copy, &repository));
  // A slot may have been removed for good reason; but where none is whole, that was a thief, and
  // without the one that opened the copy nobody gets in to heal the rest.
  REPRIEVE_TRY(const SlotList slots, read_slots(store));
  REPRIEVE_TRY([[maybe_unused]] const bool is_own_back,
               heal_one(store, checker, std::string{kSlotPrefix} + repository.slot_id(), false));
  for (const std::string_view prefix : {kSlotPrefix, kConfigPrefix}) {
    if (prefix == kSlotPrefix && !slots.slots.empty()) continue;
    REPRIEVE_TRY(const auto objects, list_all_objects(copy, prefix));
    for (const ObjectInfo& object : objects) {
      REPRIEVE_TRY([[maybe_unused]] const bool is_back,
                   heal_one(store, checker, object.key, false));
    }
  }
  return store.sync();
}

Result<> heal_from_copies(Repository& repository, std::span<ObjectStore* const> copies,
                          bool is_dry_run, RepairReport& report, const CancelToken& cancel) {
  for (ObjectStore* copy : copies) {
    auto healed = heal_from_copy(repository, *copy, is_dry_run, report, cancel);
    if (healed) continue;
    const ErrorKind kind = healed.error().kind;
    if (kind != ErrorKind::kTransient && kind != ErrorKind::kNotFound) return healed;
    report.left.push_back({copy->describe(), "cannot be read: " + healed.error().what, false});
  }
  if (!is_dry_run && repository.keys().can_sign()) {
    REPRIEVE_RETURN_IF_ERROR(repository.store().sync());
    // What came back needs an index; those of the copies may name what was collected since.
    REPRIEVE_RETURN_IF_ERROR(repository.refresh());
    REPRIEVE_RETURN_IF_ERROR(repair_indexes(repository, is_dry_run, report));
  }
  std::ranges::sort(report.healed);
  return kOk;
}

}  // namespace reprieve::repository
