#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "repository/internal/gc_record.hpp"
#include "repository/internal/live_chunks.hpp"
#include "repository/internal/session_list.hpp"
#include "repository/repository.hpp"

namespace reprieve::repository {

/// What a collector sees of the store at one time. The order of the listings is what makes it safe:
/// packs, then sessions, then tombs, then snapshots, then indexes, then packs again. So a pack of
/// `judged` belongs to a session that is in `open`, or whose snapshot, if it ever had one, is among
/// the snapshots.
struct StoreLook {
  PackSizes packs;                   ///< As listed last.
  std::vector<std::string> indexes;  ///< From which the Index is made, by name.
  std::set<PackId> judged;           ///< In both listings: only these may be condemned.
  std::vector<StoredSession> sessions;
  std::set<SessionId> open;  ///< Neither finished nor fenced; without the looking collector's own.
  std::set<SessionId> fenced;
  std::vector<Snapshot> live;              ///< Oldest first.
  std::vector<Snapshot> removed;           ///< Under a tomb, and still in the store.
  std::map<SnapshotId, std::string> held;  ///< With the reasons.
  std::set<PackId> lost;                   ///< Marked as damaged beyond healing.

  [[nodiscard]] std::vector<ChunkId> roots() const;
};

/// Looks, and brings the repository's Index up to date, packs without an index included. Errors:
/// kCorrupt if a session or snapshot does not verify: what it needs is not known; the store's.
Result<StoreLook> look_at_store(Repository& repository, const SessionId& own);

}  // namespace reprieve::repository
