#pragma once

#include <set>
#include <vector>

#include "base/result.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/session_record.hpp"
#include "storage/object_store.hpp"

/// Sessions in the store (docs/format.md section 5).
namespace reprieve::repository {

struct StoredSession {
  SessionId id{};
  SessionRecord record;
  /// A collector's: it relies on nothing that is there, so nothing waits for it.
  [[nodiscard]] bool is_collector() const { return record.gc_seen == kCollectorSession; }
};

/// All announced sessions. Errors: kCorrupt if one does not verify: who deletes without it may
/// delete what it relies on; the store's.
Result<std::vector<StoredSession>> read_sessions(ObjectStore& store, const KeyRing& keys);

/// Ids of sessions that are announced without a final snapshot, and of all that were fenced: no
/// snapshot vouches for the trees that they wrote. Errors: the store's.
Result<std::set<SessionId>> unfinished_sessions(ObjectStore& store, const KeyRing& keys);

}  // namespace reprieve::repository
