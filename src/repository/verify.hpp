#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/cancel.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "repository/repository.hpp"

namespace reprieve::repository {

/// How deep to look; each level includes those above it.
enum class VerifyLevel : std::uint8_t {
  kList,    ///< Every object named has its size; records verify; snapshot chains have no gap.
  kIndex,   ///< Indexes and trailers agree; packs that no index knows.
  kReach,   ///< Every chunk that a snapshot needs is indexed.
  kShards,  ///< Every byte of every object is what its name promises. Needs no key.
  kData,    ///< Every chunk decrypts and has its id.
};

/// One thing that is wrong.
struct Damage {
  std::string object;        ///< Name in the store.
  std::string what;          ///< "3 of 64 shards damaged".
  bool is_healable = false;  ///< By `repo repair`, from what the store itself holds.
};

struct VerifyReport {
  std::uint64_t objects = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t chunks = 0;
  std::uint64_t snapshots = 0;
  std::vector<Damage> damages;       ///< None: all is well.
  std::vector<std::string> remarks;  ///< Harmless: packs of abandoned sessions and the like.
  /// Packs that are marked as lost and are not whole again; what they cost is told with the points.
  std::set<ObjectKey> marked_lost;
};

/// Which packs a run at level kData reads, and what became of each: so that all are read in turn by
/// several runs.
struct PackRota {
  /// Of all packs in the store, those to read, in that order.
  std::function<std::vector<ObjectInfo>(std::vector<ObjectInfo> all)> choose;
  /// Called by several threads, one at a time.
  std::function<void(const ObjectInfo& pack, bool is_whole)> done;
};

/// Checks the whole repository. Damage is in the report, not an Error. `rota` may be null: then
/// kData reads every pack.
Result<VerifyReport> verify(Repository& repository, VerifyLevel level, unsigned threads,
                            Progress& progress, const CancelToken& cancel,
                            const PackRota* rota = nullptr);

/// Level kShards without any key: all that a storage host can prove.
Result<VerifyReport> verify_shards(ObjectStore& store, unsigned threads, Progress& progress,
                                   const CancelToken& cancel);

/// What damage costs that nothing in the store heals.
struct Loss {
  std::set<PackId> packs;              ///< Beyond healing, or gone.
  std::unordered_set<ChunkId> chunks;  ///< First halves of ids: what stood there and nowhere else.
  [[nodiscard]] bool has(const ChunkId& id) const;
};

/// Of the packs that are marked as lost. Errors: the store's.
Result<Loss> measure_marked_loss(const Repository& repository);
/// Whether an index knows where the chunk lies.
bool is_indexed(const Repository& repository, const ChunkId& id);
/// The name of a recovery point's object, as damages have it.
std::string object_of(const Snapshot& point);

struct RepairReport {
  std::vector<std::string> healed;  ///< Objects.
  std::vector<Damage> left;         ///< What could not be healed, and why.
  Loss lost;                        ///< Packs among `left` or marked earlier: mark_losses().
  bool is_marked = false;           ///< All of `lost.packs` are marked now.
};

/// Heals what verify() found and what needs nothing but the store: packs from parity or labels,
/// twins from their other half, indexes from trailers. Deletes nothing but damaged indexes whose
/// packs are all covered by others again. `dry_run` only reports. `repository` may be null: then
/// only what needs no key is healed. Errors: the store's; kCancelled.
Result<RepairReport> repair(ObjectStore& store, Repository* repository, bool dry_run,
                            unsigned threads, Progress& progress, const CancelToken& cancel);

/// The last step, when replicas and versions were asked too: finds out what the packs in
/// `report.left` cost and marks them as lost, if the key may sign: the next backup stores again
/// what it finds of them at its source, and then all points that need it are whole. A mark is taken
/// back once the pack is whole. Errors: the store's.
Result<> mark_losses(Repository& repository, bool dry_run, RepairReport& report);

}  // namespace reprieve::repository
