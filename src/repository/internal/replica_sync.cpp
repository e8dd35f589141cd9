#include "repository/internal/replica_sync.hpp"

#include <algorithm>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/index_record.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/parallel.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/session_record.hpp"
#include "repository/internal/snapshot_record.hpp"
#include "repository/internal/snapshot_store.hpp"

namespace reprieve::repository {
namespace {

constexpr std::string_view kMark = "a replica: only `reprieve repo sync` writes here\n";

Error fork_error(const ObjectStore& near, const ObjectStore& far, const ObjectKey& key) {
  return {ErrorKind::kConflict,
          near.describe() + " and " + far.describe() + " hold different objects named " + key +
              ": both were written to",
          "Nothing was changed. Use each by its own --repo, restore what you need from it, then "
          "empty one of the two and sync the other one into it with --new."};
}

}  // namespace

ObjectKey replica_mark(const RepositoryId& repository) {
  return std::string{kReplicaPrefix} + to_hex(repository);
}

ReplicaSync::ReplicaSync(Repository& primary, ObjectStore& replica, const SyncOptions& options,
                         Progress& progress, const CancelToken& cancel, SyncReport& report)
    : primary_{primary},
      near_{primary.store()},
      far_{replica},
      options_{options},
      progress_{progress},
      cancel_{cancel},
      report_{report} {}

Result<> ReplicaSync::run() {
  REPRIEVE_RETURN_IF_ERROR(check_relation());
  REPRIEVE_TRY(near_checker_, ObjectChecker::make(near_, &primary_));
  REPRIEVE_RETURN_IF_ERROR(settle_names());
  if (options_.is_dry_run) {
    REPRIEVE_RETURN_IF_ERROR(take_lists());
    REPRIEVE_RETURN_IF_ERROR(find_losses());
    return count_missing();
  }
  REPRIEVE_RETURN_IF_ERROR(announce());
  auto done = copy_all();
  // Killed before this, the session waits to be fenced off; prunes free nothing until then.
  auto ended = end_session();
  return done ? std::move(ended) : std::move(done);
}

Result<> ReplicaSync::check_relation() {
  REPRIEVE_TRY(const bool is_primary_marked, is_replica(near_));
  if (is_primary_marked)
    return Error{ErrorKind::kConflict, near_.describe() + " is a replica itself",
                 "Name the store that backups write to first."};
  auto marked = check_marked();
  if (marked || marked.error().kind != ErrorKind::kNotFound) return marked;
  if (!options_.is_new) return marked;
  if (options_.is_dry_run) return kOk;
  // First of all: what an interrupted first copy leaves behind is known for what it is.
  REPRIEVE_RETURN_IF_ERROR(far_.put(replica_mark(primary_.id()), as_bytes(kMark)));
  return far_.sync();
}

/// kNotFound for an empty store.
Result<> ReplicaSync::check_marked() {
  const ObjectKey mark = replica_mark(primary_.id());
  REPRIEVE_TRY(const auto marks, list_all_objects(far_, kReplicaPrefix));
  for (const ObjectInfo& each : marks)
    if (each.key == mark) return kOk;
  if (!marks.empty())
    return Error{ErrorKind::kConflict, far_.describe() + " is a replica of another repository",
                 "Name another place for this repository's replica."};
  REPRIEVE_TRY(const bool is_repository_there, is_repository(far_));
  if (is_repository_there)
    return Error{ErrorKind::kConflict,
                 far_.describe() + " holds a repository of its own, which is no replica",
                 "Nothing was changed. If it was this repository's other store before it was "
                 "promoted or copied by hand, empty it and run `reprieve repo sync --new`."};
  REPRIEVE_TRY(const auto packs, list_all_objects(far_, kPackPrefix));
  REPRIEVE_TRY(const auto slots, list_all_objects(far_, kSlotPrefix));
  if (!packs.empty() || !slots.empty())
    return Error{ErrorKind::kConflict, far_.describe() + " is not empty and no replica",
                 "Name an empty place for the replica."};
  return Error{
      ErrorKind::kNotFound, far_.describe() + " is empty: it is not a replica yet",
      "If the right disk or bucket is there, make it one with `reprieve repo sync --new`."};
}

/// Finds out whether both were written to, before anything is changed.
Result<> ReplicaSync::settle_names() {
  REPRIEVE_TRY(const auto names, telling_names(near_, far_));
  if (names.empty()) return kOk;
  REPRIEVE_TRY(const ObjectChecker far_checker, ObjectChecker::make(far_, &primary_));
  for (const ObjectKey& name : names) {
    REPRIEVE_TRY(const SameName same, compare_object(*near_checker_, far_checker, name));
    if (same == SameName::kFork) return fork_error(near_, far_, name);
    if (same == SameName::kReplicaDamaged && !options_.is_dry_run) {
      REPRIEVE_TRY(const ObjectInfo object, near_.stat(name));
      REPRIEVE_RETURN_IF_ERROR(heal_unlike({object}));
    }
  }
  return kOk;
}

/// A session that has seen no plan: whatever is condemned stays as long as it is announced, so that
/// what the lists name is still there when it is copied.
Result<> ReplicaSync::announce() {
  const KeyRing& keys = primary_.keys();
  const auto own = keys.can_sign() ? keys.signer(keys.writer_id()) : std::nullopt;
  // A session that nobody may believe would stop every prune.
  if (!own || own->is_revoked || !(own->may_write || own->may_prune))
    return Error{ErrorKind::kDenied, "this key may not write to the repository",
                 "Use the key of a writer, a pruner or an administrator."};
  SessionRecord record;
  record.repository = primary_.id();
  record.writer = keys.writer_id();
  record.random = crypto::random_array<16>(primary_.random());
  record.started = primary_.clock().now();
  const Bytes encoded = encode_session(record, keys.signing_key());
  const SessionId id = session_id_of(encoded);
  REPRIEVE_RETURN_IF_ERROR(near_.put(id_key(kSessionPrefix, id), encode_twin(encoded)));
  session_ = id;
  return near_.sync();
}

Result<> ReplicaSync::end_session() {
  REPRIEVE_RETURN_IF_ERROR(near_.remove(id_key(kSessionPrefix, *session_)));
  return near_.sync();
}

/// As long as the session stands, no prune deleted what the lists name. A snapshot must not be
/// copied when one may have.
Result<> ReplicaSync::check_announced() {
  auto announced = near_.stat(id_key(kSessionPrefix, *session_));
  bool is_gone = !announced && announced.error().kind == ErrorKind::kNotFound;
  if (!announced && !is_gone) return std::move(announced).error();
  if (!is_gone) {
    REPRIEVE_TRY(is_gone, is_fenced(near_, primary_.keys(), *session_));
  }
  if (!is_gone) return kOk;
  return Error{ErrorKind::kConflict, "a prune fenced this sync off while it ran",
               "Run the sync again."};
}

Result<> ReplicaSync::copy_all() {
  for (const std::string_view prefix : {kSlotPrefix, kConfigPrefix, kKitPrefix, kSessionPrefix}) {
    REPRIEVE_RETURN_IF_ERROR(copy_prefix(prefix));
    REPRIEVE_RETURN_IF_ERROR(far_.sync());
  }
  REPRIEVE_RETURN_IF_ERROR(take_lists());
  REPRIEVE_RETURN_IF_ERROR(count_missing());
  REPRIEVE_RETURN_IF_ERROR(copy_prefix(kSessionPrefix));
  REPRIEVE_RETURN_IF_ERROR(find_late());
  // Holds before tombs: a held snapshot must not look removed. Both before packs: who goes on from
  // here relies on nothing of a fenced session, and on nothing that was condemned.
  for (const std::string_view prefix : {kGcPrefix, kHoldPrefix, kTombPrefix})
    REPRIEVE_RETURN_IF_ERROR(copy_prefix(prefix));
  REPRIEVE_RETURN_IF_ERROR(far_.sync());
  REPRIEVE_RETURN_IF_ERROR(heal_unlike(look_.packs.unlike));
  REPRIEVE_RETURN_IF_ERROR(copy(look_.packs.missing, options_.threads));
  REPRIEVE_RETURN_IF_ERROR(far_.sync());
  REPRIEVE_RETURN_IF_ERROR(heal_unlike(look_.indexes.unlike));
  std::vector<ObjectInfo> indexes;
  for (const ObjectInfo& index : look_.indexes.missing) {
    REPRIEVE_TRY(const bool comes_later, is_late(index));
    if (!comes_later) indexes.push_back(index);
  }
  REPRIEVE_RETURN_IF_ERROR(copy(indexes, 1));
  REPRIEVE_RETURN_IF_ERROR(far_.sync());
  REPRIEVE_RETURN_IF_ERROR(check_announced());
  REPRIEVE_RETURN_IF_ERROR(heal_unlike(look_.snapshots.unlike));
  // A snapshot never comes before what it needs, nor after a gap in its series. One whose pack is
  // damaged comes as well: so much of it as there is can be restored, as it can at the primary.
  REPRIEVE_RETURN_IF_ERROR(copy(look_.snapshots.missing, 1));
  REPRIEVE_RETURN_IF_ERROR(heal_unlike(look_.pieces.unlike));
  REPRIEVE_RETURN_IF_ERROR(copy(look_.pieces.missing, options_.threads));
  REPRIEVE_RETURN_IF_ERROR(far_.sync());
  return remove_collected();
}

/// Snapshots first, packs last: what a listed snapshot or index names was there when packs were
/// listed.
Result<> ReplicaSync::take_lists() {
  REPRIEVE_TRY(look_.pieces, compare_stores(near_, far_, kStreamPrefix));
  REPRIEVE_TRY(look_.snapshots, compare_stores(near_, far_, kSnapshotPrefix));
  REPRIEVE_TRY(look_.indexes, compare_stores(near_, far_, kIndexPrefix));
  REPRIEVE_TRY(look_.packs, compare_stores(near_, far_, kPackPrefix));
  REPRIEVE_TRY(look_.sessions, compare_stores(near_, far_, kSessionPrefix));
  return kOk;
}

Result<> ReplicaSync::find_losses() {
  REPRIEVE_TRY(ReplicaOnly loss, find_lost(primary_, far_, cancel_));
  report_.lost = std::move(loss.lost);
  unneeded_ = std::move(loss.unneeded);
  return kOk;
}

/// Sessions that finished while the lists were taken, so that no copy of theirs was made: their
/// announcement is gone and their snapshot is not in the list, so nothing would say that their
/// trees may stand on what was not copied.
Result<> ReplicaSync::find_late() {
  REPRIEVE_TRY(const StoreDifference now, compare_stores(near_, far_, kSnapshotPrefix));
  for (const ObjectInfo& object : now.missing) {
    if (std::ranges::binary_search(look_.snapshots.missing, object.key, {}, &ObjectInfo::key))
      continue;
    const auto name = parse_snapshot_key(object.key);
    if (!name) continue;
    const auto stored = read_snapshot(near_, primary_.keys(), *name);
    if (stored)
      look_.late.insert(stored->snapshot.session);
    else if (stored.error().kind != ErrorKind::kNotFound)
      return stored.error();
  }
  return kOk;
}

Result<> ReplicaSync::count_missing() {
  for (const StoreDifference* part :
       {&look_.packs, &look_.indexes, &look_.snapshots, &look_.pieces}) {
    report_.objects_missing += part->missing.size();
    for (const ObjectInfo& object : part->missing)
      report_.bytes_missing += object.size.value;
  }
  progress_.bytes_total = report_.bytes_missing;
  progress_.files_total = report_.objects_missing;
  for (const ObjectInfo& object : look_.snapshots.missing) {
    const auto name = parse_snapshot_key(object.key);
    if (!name) continue;
    const auto stored = read_snapshot(near_, primary_.keys(), *name);
    if (!stored) continue;  // Removed since; or damaged, which copying tells.
    ++report_.points_missing;
    const Instant time = stored->snapshot.time;
    if (!report_.oldest_missing_point || time < *report_.oldest_missing_point)
      report_.oldest_missing_point = time;
  }
  return kOk;
}

Result<> ReplicaSync::copy_prefix(std::string_view prefix) {
  REPRIEVE_TRY(const StoreDifference found, compare_stores(near_, far_, prefix));
  REPRIEVE_RETURN_IF_ERROR(heal_unlike(found.unlike));
  return copy(found.missing, 1);
}

Result<> ReplicaSync::copy(const std::vector<ObjectInfo>& objects, unsigned threads) {
  return for_each_parallel(objects.size(), threads, cancel_,
                           [&](std::size_t i) { return copy_one(objects[i]); });
}

/// Only bytes that are what the name promises are stored: the replica could not get rid of others.
Result<> ReplicaSync::copy_one(const ObjectInfo& object) {
  if (session_ && object.key == id_key(kSessionPrefix, *session_)) return kOk;
  REPRIEVE_TRY(ObjectFinding finding, near_checker_->check(object, ObjectChecker::Want::kBytes));
  progress_.bytes += object.size.value;
  ++progress_.files;
  std::optional<Bytes>& bytes = finding.damage ? finding.healed : finding.bytes;
  if (bytes) {
    auto stored = far_.put(object.key, *bytes);
    if (!stored) return std::move(stored).error().at("copy to " + far_.describe());
  }
  const std::lock_guard lock{mutex_};
  if (bytes) {
    ++report_.objects_copied;
    report_.bytes_copied += bytes->size();
  } else if (finding.damage) {
    report_.damaged.push_back(*std::move(finding.damage));
  }
  return kOk;  // Else it was removed meanwhile, or a newer version's.
}

/// The same name and another size: one of the two is damaged.
Result<> ReplicaSync::heal_unlike(const std::vector<ObjectInfo>& objects) {
  if (objects.empty()) return kOk;
  REPRIEVE_TRY(const ObjectChecker far_checker, ObjectChecker::make(far_, &primary_));
  for (const ObjectInfo& object : objects) {
    REPRIEVE_TRY(ObjectFinding good, near_checker_->check(object, ObjectChecker::Want::kBytes));
    std::optional<Bytes>& bytes = good.damage ? good.healed : good.bytes;
    if (!bytes) {
      if (good.damage) report_.damaged.push_back(*std::move(good.damage));
      continue;
    }
    REPRIEVE_TRY(const ObjectFinding theirs,
                 far_checker.check(object, ObjectChecker::Want::kFinding));
    if (!theirs.damage) continue;  // Then it is the primary's that has another size.
    auto replaced = far_.replace_damaged(object.key, *bytes);
    if (!replaced) return std::move(replaced).error().at("heal " + object.key);
    report_.healed.push_back(object.key);
  }
  return kOk;
}

Result<bool> ReplicaSync::is_late(const ObjectInfo& index) {
  if (look_.late.empty()) return false;
  auto bytes = near_.get(index.key, ByteCount{kIndexBytesMax});
  if (!bytes) return false;  // Copying tells what is wrong with it.
  const auto envelope = parse_index_envelope(*bytes);
  return envelope && look_.late.contains(envelope->session);
}

/// What garbage collection removed from the primary, in its order. Nothing goes by absence alone:
/// an attacker can make things absent.
Result<> ReplicaSync::remove_collected() {
  // After the lists: what they miss is either explained now, or a loss.
  REPRIEVE_RETURN_IF_ERROR(find_losses());
  if (!report_.is_complete()) return kOk;
  REPRIEVE_TRY(const GcState gc, read_gc_state(far_, primary_.keys()));
  std::set<std::uint64_t> plans_in_use;
  REPRIEVE_RETURN_IF_ERROR(remove_packs(gc, plans_in_use));
  REPRIEVE_RETURN_IF_ERROR(far_.sync());
  REPRIEVE_RETURN_IF_ERROR(remove_records(gc, plans_in_use));
  return far_.sync();
}

Result<> ReplicaSync::remove(const ObjectKey& key) {
  REPRIEVE_RETURN_IF_ERROR(cancel_.check());
  auto removed = far_.remove(key);
  // A lock that has not ended yet, or an account that may only add: the next sync tries again.
  if (!removed && removed.error().kind == ErrorKind::kDenied) return kOk;
  if (!removed) return std::move(removed).error().at("remove from " + far_.describe());
  ++report_.objects_removed;
  return kOk;
}

Result<> ReplicaSync::remove_packs(const GcState& gc, std::set<std::uint64_t>& plans_in_use) {
  for (const ObjectInfo& pack : look_.packs.extra) {
    const auto id = pack_id_in_key(pack.key);
    if (id && (gc.condemned.contains(*id) || unneeded_.contains(*id)))
      REPRIEVE_RETURN_IF_ERROR(remove(pack.key));
  }
  REPRIEVE_TRY(const auto left, list_all_objects(far_, kPackPrefix));
  for (const ObjectInfo& pack : left) {
    const auto id = pack_id_in_key(pack.key);
    const auto plan = id ? gc.condemned.find(*id) : gc.condemned.end();
    if (plan != gc.condemned.end()) plans_in_use.insert(plan->second);
  }
  return kOk;
}

Result<> ReplicaSync::remove_records(const GcState& gc,
                                     const std::set<std::uint64_t>& plans_in_use) {
  // An index is a cache of what packs say; without any at the primary something else is wrong.
  REPRIEVE_TRY(const auto indexes, list_all_objects(near_, kIndexPrefix));
  if (!indexes.empty())
    for (const ObjectInfo& index : look_.indexes.extra)
      REPRIEVE_RETURN_IF_ERROR(remove(index.key));
  // A session that ended has its snapshot or its tomb here by now, unless it ended just before.
  for (const ObjectInfo& session : look_.sessions.extra) {
    const auto id = id_in_key(kSessionPrefix, session.key);
    if (id && !look_.late.contains(*id)) REPRIEVE_RETURN_IF_ERROR(remove(session.key));
  }
  REPRIEVE_RETURN_IF_ERROR(far_.sync());
  for (const ObjectInfo& snapshot : look_.snapshots.extra)
    REPRIEVE_RETURN_IF_ERROR(remove(snapshot.key));  // Not lost, so a tomb names it.
  REPRIEVE_TRY(const StoreDifference tombs, compare_stores(near_, far_, kTombPrefix));
  for (const ObjectInfo& tomb : tombs.extra)
    REPRIEVE_RETURN_IF_ERROR(remove(tomb.key));  // Not lost, so it was taken back.
  REPRIEVE_TRY(const GcState newest, read_gc_state(near_, primary_.keys()));
  for (const std::uint64_t n : gc.numbers) {
    const bool is_there = std::ranges::binary_search(newest.numbers, n);
    if (is_there || n >= gc.newest || plans_in_use.contains(n)) break;
    REPRIEVE_RETURN_IF_ERROR(remove(gc_key(n)));
  }
  return kOk;
}

}  // namespace reprieve::repository
