#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/cancel.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "repository/repository.hpp"
#include "repository/write_session.hpp"

/// Recovery points of one repository, taken anew in another that has keys of its own.
namespace reprieve::backup {

struct CopiedPoint {
  repository::Snapshot original;
  repository::Snapshot copy;
  bool was_there = false;  ///< By an earlier call.
};

/// Copies `points` of `from` into `to`, oldest first, each with a session of its own, so that a
/// call that was stopped is simply repeated: what was copied before is passed over, and of a point
/// only what its predecessor does not share is read. Contents are cut anew by the keys of `to`, so
/// that they share chunks with what is backed up there. A copy stands where its original did: its
/// time, name, tags and place in its writer's series are kept (format.md, "replaces"). `tell` is
/// called after each. Errors: kDenied unless the key of `to` is an admin's, since nobody else is
/// believed about time, and that of `from` reads; kInvalid if both are the same repository;
/// kCorrupt if a point cannot be read, naming where; the stores'; kCancelled.
using TellCopied = std::function<void(const CopiedPoint&)>;
Result<> copy_points(repository::Repository& from, repository::Repository& to,
                     std::vector<repository::Snapshot> points,
                     const repository::SessionOptions& options, const TellCopied& tell,
                     Progress& progress, const CancelToken& cancel);

}  // namespace reprieve::backup
