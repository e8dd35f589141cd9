#pragma once

#include <optional>
#include <vector>

#include "repository/internal/live_chunks.hpp"
#include "repository/internal/pack_use.hpp"
#include "repository/internal/store_look.hpp"
#include "repository/prune.hpp"

namespace reprieve::repository {

/// One try at a garbage collection: announced as a session of its own, so that its plan is made
/// from what is true after the plan before it. Not thread-safe.
class Collector {
 public:
  Collector(Repository& repository, const PruneOptions& options, const CancelToken& cancel,
            PruneReport& report);

  /// Decides, and acts unless it is a dry run. False: another collector, or a writer, was quicker;
  /// try again with a new one. Errors: as prune().
  Result<bool> run();

 private:
  Result<bool> announce();
  Result<> end_session();
  Result<bool> try_run();
  [[nodiscard]] bool opens_frames() const;
  Result<> retain();
  Result<> bury(const std::vector<const Snapshot*>& points);
  Result<bool> mark();
  Result<bool> is_outdated_look(const Error& error);
  Result<bool> is_outdated(Error error);
  Result<bool> check_keepers(const std::vector<PackUse>& packs) const;
  Result<bool> compact(const std::vector<PackUse>& packs);
  Result<bool> condemn(const std::vector<PackUse>& packs);
  Result<> fence_off();
  Result<bool> try_remove(const ObjectKey& key);
  Result<> delete_condemned();
  Result<> replace_indexes(const std::set<PackId>& gone);
  Result<> remove_traces();
  Result<> remove_plans();
  void measure_dry_run(const std::vector<PackUse>& packs);
  [[nodiscard]] const StoredSession* blocker(std::uint64_t condemned_by) const;
  void add_waiting(const PackUse& use, const StoredSession* session);

  Repository& repository_;
  const PruneOptions& options_;
  const CancelToken& cancel_;
  PruneReport& report_;
  SessionId session_{};
  bool is_announced_ = false;
  bool has_written_ = false;  ///< Packs that nothing vouches for if the plan does not come.
  GcState gc_;
  StoreLook look_;
  LiveChunks live_;
};

/// kDenied unless the keys may condemn and put tombs.
Result<> check_may_prune(const KeyRing& keys);

/// Puts a session's tomb: from then on nobody relies on its trees, and its backup is reported as
/// failed. Durable after the store's next sync().
Result<> fence(Repository& repository, const SessionId& session);

}  // namespace reprieve::repository
