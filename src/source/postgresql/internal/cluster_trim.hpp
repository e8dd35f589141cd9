#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "io/directory.hpp"
#include "source/source.hpp"

namespace reprieve {

/// What is done about a directory that holds more than a recovery point.
struct TrimOptions {
  std::set<std::string> left_out;  ///< Paths of the point that count as not being in it.
  std::set<std::string> kept;      ///< Paths that stay as they are, in the point or not.
  bool is_shared = false;          ///< What lies beside the tree's own names is not to be removed.
  bool is_dry_run = false;         ///< Counts only.
};

/// Removes from `folder` what the stored `tree` does not have, and what is of another type there: a
/// link is removed and never followed. Before anything is written, so that the room is free.
/// Returns how many names are gone, or would be. `shown` is what error texts call `folder`.
Result<std::uint64_t> trim_tree(RestoreReader& reader, const io::Directory& folder,
                                const std::string& shown, const ListRef& tree,
                                const TrimOptions& options);

}  // namespace reprieve
