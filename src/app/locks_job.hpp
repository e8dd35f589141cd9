#pragma once

#include <string>
#include <vector>

#include "app/workspace.hpp"
#include "base/progress.hpp"

namespace reprieve::app {

/// How the objects of a repository in a bucket with object lock are protected.
struct LockReport {
  std::uint64_t objects = 0;         ///< Those that have to be locked.
  std::uint64_t extended = 0;        ///< A new whole period was given (or would be, in a dry run).
  std::uint64_t uncovered = 0;       ///< Had no lock; part of `extended` where one could be set.
  std::vector<std::string> failed;   ///< "NAME: why" of those that could not be extended.
  std::optional<Instant> first_end;  ///< Of the locks that are there now.
};

/// Gives a whole new period to the lock of every object that is needed and has less than half of it
/// left. Condemned packs are left to run out. Errors: kInvalid unless the store is S3's and its URL
/// has a lock; the store's, of listing; kCancelled.
Result<LockReport> extend_locks(const Workspace& workspace, OpenRepository& open, bool is_dry_run,
                                Progress& progress, const CancelToken& cancel);

}  // namespace reprieve::app
