#include "repository/internal/session_list.hpp"

#include "repository/internal/gc_record.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/snapshot_store.hpp"

namespace reprieve::repository {
namespace {

Result<std::set<SessionId>> list_sessions(ObjectStore& store) {
  std::set<SessionId> ids;
  REPRIEVE_RETURN_IF_ERROR(store.list(kSessionPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (const auto id = id_in_key(kSessionPrefix, object.key)) ids.insert(*id);
    return kOk;
  }));
  return ids;
}

Result<SessionRecord> read_session(ObjectStore& store, const KeyRing& keys, const SessionId& id) {
  SessionRecord session;
  const ObjectKey key = id_key(kSessionPrefix, id);
  const auto is_named = accept_by_name(key);
  const auto accept = [&](ByteView record) -> Result<> {
    REPRIEVE_RETURN_IF_ERROR(is_named(record));
    REPRIEVE_TRY(session, parse_session(record));
    const auto signer = keys.signer(session.writer);
    if (session.repository != keys.repository_id() || !signer ||
        !(signer->may_write || signer->may_prune) || !is_signed_by(record, signer->key))
      return Error{ErrorKind::kCorrupt, "not signed by a writer of this repository"};
    return kOk;
  };
  REPRIEVE_TRY([[maybe_unused]] const StoredRecord stored,
               read_twin_object(store, key, kSessionBytesMax, accept));
  return session;
}

}  // namespace

Result<std::vector<StoredSession>> read_sessions(ObjectStore& store, const KeyRing& keys) {
  REPRIEVE_TRY(const auto ids, list_sessions(store));
  std::vector<StoredSession> sessions;
  for (const SessionId& id : ids) {
    auto record = read_session(store, keys, id);
    if (record) {
      sessions.push_back({.id = id, .record = *record});
    } else if (record.error().kind != ErrorKind::kNotFound) {  // Ended, and removed meanwhile.
      return std::move(record).error();
    }
  }
  return sessions;
}

Result<std::set<SessionId>> unfinished_sessions(ObjectStore& store, const KeyRing& keys) {
  REPRIEVE_TRY(std::set<SessionId> unfinished, list_sessions(store));
  REPRIEVE_TRY(const auto names, list_snapshots(store));
  // Newest first: the sessions that are still announced are most often the last ones.
  for (auto name = names.rbegin(); name != names.rend() && !unfinished.empty(); ++name) {
    const auto stored = read_signed_snapshot(store, keys, *name);
    if (stored) {
      if (stored->is_final) unfinished.erase(stored->session);
    } else if (const ErrorKind kind = stored.error().kind;
               kind != ErrorKind::kNotFound && kind != ErrorKind::kCorrupt) {
      return stored.error();
    }
  }
  REPRIEVE_TRY(const TombList tombs, read_tombs(store, keys));
  for (const Tomb& tomb : tombs.tombs)
    if (tomb.what == Tomb::What::kSession) unfinished.insert(tomb.session);
  return unfinished;
}

}  // namespace reprieve::repository
