#pragma once

#include <optional>
#include <vector>

#include "backup/repository_reader.hpp"
#include "source/source.hpp"

namespace reprieve::backup {

/// A point that was copied before, and its copy: what the next point has in common with it need not
/// be read, since the copy has it.
struct CopiedBefore {
  std::vector<Entry> original;  ///< Root trees' entries, sorted.
  std::vector<Entry> copy;
  RestoreReader& copies;  ///< The repository that the copy lies in.
};

/// Pours a point's whole tree, `roots`, into a sink, cut anew by the sink's keys. Reads with some
/// 16 MiB in memory, whatever the tree's depth, and hands over one directory at a time. Errors:
/// kCorrupt naming the path if something cannot be read (nothing is left out); the sink's;
/// kCancelled.
Result<ListRef> copy_tree(RestoreReader& from, std::vector<Entry> roots,
                          const std::optional<CopiedBefore>& before, CaptureSink& sink);

}  // namespace reprieve::backup
