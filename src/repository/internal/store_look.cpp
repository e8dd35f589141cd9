#include "repository/internal/store_look.hpp"

#include <algorithm>
#include <tuple>

#include "repository/internal/hold_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/loss_record.hpp"
#include "repository/internal/reindex.hpp"
#include "repository/internal/snapshot_store.hpp"

namespace reprieve::repository {
namespace {

Result<PackSizes> list_packs(ObjectStore& store) {
  PackSizes packs;
  REPRIEVE_RETURN_IF_ERROR(store.list(kPackPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (const auto id = pack_id_in_key(object.key)) packs.emplace(*id, object.size.value);
    return kOk;
  }));
  return packs;
}

/// `tombs` were read before the holds are: a hold that came in time outdoes its tomb.
Result<> read_snapshots(Repository& repository, const TombList& tombs, StoreLook& look) {
  ObjectStore& store = repository.store();
  std::set<SnapshotId> tombed;
  for (const Tomb& tomb : tombs.tombs)
    if (tomb.what == Tomb::What::kSnapshot) tombed.insert(tomb.snapshot);
  REPRIEVE_TRY(const auto names, list_snapshots(store));
  REPRIEVE_TRY(const auto holds, read_holds(store, repository.keys()));
  for (const auto& [snapshot, hold] : holds)
    look.held.emplace(snapshot, hold.record.text);
  for (const SnapshotName& name : names) {
    auto stored = read_snapshot(store, repository.keys(), name);
    if (!stored) {
      if (stored.error().kind == ErrorKind::kNotFound) continue;  // Removed meanwhile.
      return std::move(stored).error();
    }
    Snapshot& snapshot = stored->snapshot;
    if (snapshot.is_final) look.open.erase(snapshot.session);
    const bool is_removed = tombed.contains(snapshot.id) && !look.held.contains(snapshot.id);
    (is_removed ? look.removed : look.live).push_back(std::move(snapshot));
  }
  std::ranges::sort(look.live, {}, [](const Snapshot& s) {
    return std::tuple{s.time, s.writer, s.seq};
  });
  return kOk;
}

}  // namespace

std::vector<ChunkId> StoreLook::roots() const {
  std::vector<ChunkId> ids;
  ids.reserve(live.size());
  for (const Snapshot& snapshot : live)
    ids.push_back(snapshot.root.id);
  return ids;
}

Result<StoreLook> look_at_store(Repository& repository, const SessionId& own) {
  ObjectStore& store = repository.store();
  StoreLook look;
  REPRIEVE_TRY(const PackSizes before, list_packs(store));
  REPRIEVE_TRY(look.sessions, read_sessions(store, repository.keys()));
  for (const StoredSession& session : look.sessions)
    if (session.id != own) look.open.insert(session.id);
  REPRIEVE_TRY(const TombList tombs, read_tombs(store, repository.keys()));
  for (const Tomb& tomb : tombs.tombs) {
    if (tomb.what != Tomb::What::kSession) continue;
    look.open.erase(tomb.session);
    look.fenced.insert(tomb.session);
  }
  REPRIEVE_RETURN_IF_ERROR(read_snapshots(repository, tombs, look));
  REPRIEVE_TRY(const auto losses, read_losses(store, repository.keys()));
  for (const auto& [pack, loss] : losses)
    look.lost.insert(pack);
  REPRIEVE_RETURN_IF_ERROR(repository.refresh());
  REPRIEVE_RETURN_IF_ERROR(index_from_trailers(repository));
  look.indexes = repository.index().objects();
  std::ranges::sort(look.indexes);
  REPRIEVE_TRY(look.packs, list_packs(store));
  for (const auto& [id, bytes] : before)
    if (look.packs.contains(id)) look.judged.insert(id);
  return look;
}

}  // namespace reprieve::repository
