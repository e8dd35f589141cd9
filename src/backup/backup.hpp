#pragma once

#include <vector>

#include "repository/snapshot.hpp"
#include "repository/write_session.hpp"
#include "source/source.hpp"

namespace reprieve::backup {

struct BackupOutcome {
  repository::Snapshot snapshot;
  std::vector<Problem> problems;  ///< Not empty: exit code 3.
};

/// One run: captures `source` into one snapshot, described by `description`. The source may fill
/// in facts while it captures: `describe` is called after the capture and before the commit.
/// Returns only when the snapshot is durable. Errors: the source's; the repository's; kCancelled.
/// Nothing is committed then, and the next run finds what was stored.
using Describe = std::function<void(repository::Description&)>;
Result<BackupOutcome> back_up(repository::Repository& repository, Source& source,
                              repository::Description description, const Describe& describe,
                              const repository::SessionOptions& options, Progress& progress,
                              const CancelToken& cancel);

}  // namespace reprieve::backup
