#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "repository/internal/gc_record.hpp"
#include "repository/internal/object_check.hpp"
#include "repository/repository.hpp"
#include "storage/object_store.hpp"

/// How two stores of one repository differ. The first is the primary, the second a replica.
namespace reprieve::repository {

/// In order of names.
struct StoreDifference {
  std::vector<ObjectInfo> missing;  ///< The primary's alone.
  std::vector<ObjectInfo> extra;    ///< The replica's alone.
  std::vector<ObjectInfo> unlike;   ///< In both, with another size; as the primary has it.
};
/// Lists both below `prefix`. Memory: the replica's names there. Errors: the stores'.
Result<StoreDifference> compare_stores(ObjectStore& primary, ObjectStore& replica,
                                       std::string_view prefix);

/// What both stores have under a name that is given only once (config/<n>, gc/<n>, snap/...).
enum class SameName : std::uint8_t {
  kSame,
  kReplicaDamaged,
  kPrimaryDamaged,
  kFork,  ///< Both are proved and differ: both stores were written to.
};
Result<SameName> compare_object(const ObjectChecker& primary, const ObjectChecker& replica,
                                const ObjectKey& key);

/// The numbered names in both stores that tell a fork: the newest config, every plan, the newest
/// snapshot of each writer. Configs and snapshots carry the hash of the one before.
Result<std::vector<ObjectKey>> telling_names(ObjectStore& primary, ObjectStore& replica);

/// Whether a tomb of the replica's was taken back: a hold was quicker, so that the snapshot is
/// still in the primary. Errors: the stores'.
Result<bool> is_withdrawn_tomb(const KeyRing& keys, ObjectStore& primary, ObjectStore& replica,
                               const ObjectKey& key);

/// Of what only the replica has.
struct ReplicaOnly {
  std::vector<ObjectKey> lost;  ///< Nobody removed it, so the primary must have lost it.
  std::set<PackId> unneeded;    ///< Proved: the primary has all that its snapshots need.
};
/// `repository` is open on the primary. Packs that no plan condemned are lost if an index of the
/// primary's names them, or if a snapshot needs a chunk that the primary does not have. Errors: the
/// stores'.
Result<ReplicaOnly> find_lost(Repository& repository, ObjectStore& replica,
                              const CancelToken& cancel);

}  // namespace reprieve::repository
