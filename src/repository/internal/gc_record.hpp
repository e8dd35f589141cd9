#pragma once

#include <map>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/object_names.hpp"
#include "storage/object_store.hpp"

/// Garbage collection's records: plans and tombs (docs/format.md section 5). Encoding and parsing
/// are pure; read_gc_state() and read_tombs() are what writers and readers ask of them.
namespace reprieve::repository {

struct GcPlan {
  RepositoryId repository{};
  std::uint64_t n = 0;
  WriterId pruner{};
  std::vector<SnapshotId> marked;
  std::vector<PackId> condemned;
  std::vector<PackId> taken_back;  ///< Always empty: a pack that was condemned never comes back.
};
/// Store it as a twin under gc_key(n).
Bytes encode_gc_plan(const GcPlan& plan, const crypto::SigningKey& pruner);
/// Checks the structure, not the signature. Errors: kCorrupt; kInvalid for a newer version.
Result<GcPlan> parse_gc_plan(ByteView record);

struct Tomb {
  enum class What : std::uint8_t { kSession = 1, kSnapshot = 2 };
  RepositoryId repository{};
  WriterId signer{};
  What what = What::kSession;
  SessionId session{};  ///< kSession.
  WriterId writer{};    ///< kSnapshot, as all below.
  std::uint64_t seq = 0;
  SnapshotId snapshot;
  SnapshotId previous;
  Instant time;
};
/// Store it as a twin under id_key(kTombPrefix, SHA-256 of the record).
Bytes encode_tomb(const Tomb& tomb, const crypto::SigningKey& signer);
/// Checks the structure, not the signature. Errors: kCorrupt; kInvalid for a newer version.
Result<Tomb> parse_tomb(ByteView record);

/// What all plans together say.
struct GcState {
  std::uint64_t newest = 0;  ///< Highest n in the store; 0: there was no garbage collection.
  /// Every pack that a plan condemned, with the first such plan. Once in it, a pack never comes
  /// back: nobody may rely on it anew.
  std::map<PackId, std::uint64_t> condemned;
  std::set<SnapshotId> marked;         ///< What the newest plan marked.
  std::vector<std::uint64_t> numbers;  ///< Of all plans in the store, ascending.
};
/// Errors: kCorrupt if a plan does not verify (whoever goes on without it may rely on what is being
/// deleted); the store's.
Result<GcState> read_gc_state(ObjectStore& store, const KeyRing& keys);
/// The same for who reports damage and decides nothing: a damaged plan is passed over.
Result<GcState> read_whole_plans(ObjectStore& store, const KeyRing& keys);

struct TombList {
  std::vector<Tomb> tombs;
  std::vector<std::string> damaged;  ///< Objects that do not verify.
};
/// All tombs by root or a pruner. Errors: the store's.
Result<TombList> read_tombs(ObjectStore& store, const KeyRing& keys);

/// Whether garbage collection has fenced a session off: it must not commit. Errors: as read_tombs;
/// kCorrupt if a tomb does not verify, since it may be this session's.
Result<bool> is_fenced(ObjectStore& store, const KeyRing& keys, const SessionId& session);

}  // namespace reprieve::repository
