#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "repository/internal/object_check.hpp"
#include "repository/internal/replica_look.hpp"
#include "repository/replica.hpp"

namespace reprieve::repository {

/// One run of sync_replica(). docs/adr/0015-replicas.md gives the reason of every step's place.
class ReplicaSync {
 public:
  ReplicaSync(Repository& primary, ObjectStore& replica, const SyncOptions& options,
              Progress& progress, const CancelToken& cancel, SyncReport& report);

  Result<> run();

 private:
  /// The primary's lists, in the order in which they have to be taken.
  struct Look {
    StoreDifference snapshots;
    StoreDifference indexes;
    StoreDifference packs;
    StoreDifference sessions;
    StoreDifference pieces;    ///< Of streams.
    std::set<SessionId> late;  ///< Finished after `snapshots` was listed.
  };

  Result<> check_relation();
  Result<> check_marked();
  Result<> settle_names();
  Result<> announce();
  Result<> end_session();
  Result<> check_announced();
  Result<> copy_all();
  Result<> take_lists();
  Result<> find_late();
  Result<> find_losses();
  Result<> count_missing();
  Result<> copy_prefix(std::string_view prefix);
  Result<> copy(const std::vector<ObjectInfo>& objects, unsigned threads);
  Result<> copy_one(const ObjectInfo& object);
  Result<> heal_unlike(const std::vector<ObjectInfo>& objects);
  Result<bool> is_late(const ObjectInfo& index);
  Result<> remove_collected();
  Result<> remove(const ObjectKey& key);
  Result<> remove_packs(const GcState& gc, std::set<std::uint64_t>& plans_in_use);
  Result<> remove_records(const GcState& gc, const std::set<std::uint64_t>& plans_in_use);

  Repository& primary_;
  ObjectStore& near_;
  ObjectStore& far_;
  const SyncOptions& options_;
  Progress& progress_;
  const CancelToken& cancel_;
  SyncReport& report_;
  std::optional<ObjectChecker> near_checker_;
  std::optional<SessionId> session_;
  Look look_;
  std::set<PackId> unneeded_;  ///< Packs that are not the primary's and that nobody misses.
  std::mutex mutex_;           // Guards report_ while several threads copy.
};

/// The mark of a repository's replicas.
ObjectKey replica_mark(const RepositoryId& repository);

}  // namespace reprieve::repository
