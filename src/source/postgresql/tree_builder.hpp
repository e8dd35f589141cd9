#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "source/source.hpp"

namespace reprieve {

/// Makes stored directories out of entries that come one by one with their paths, parents before
/// children, as in a tar archive. A directory two or more levels deep is stored as soon as the
/// stream left it, so that memory follows the widest directory and not the whole tree.
class TreeBuilder {
 public:
  /// `root` is the entry of the tree's top.
  TreeBuilder(CaptureSink& sink, Entry root);

  /// Adds `entry`, whose name is set from `path`. The path must have passed
  /// is_safe_relative_path(). Errors: kCorrupt if its folder is unknown or closed already; the
  /// sink's.
  Result<> add(const std::string& path, Entry entry);

  /// Stores what is open and returns the root's entry. Call once.
  /// Errors: kCorrupt if a name comes twice in a directory; the sink's.
  Result<Entry> finish();

 private:
  struct Folder {
    Entry entry;
    std::vector<Entry> children;
  };
  Result<Entry> store(const std::string& path, Folder folder);
  Result<> close(std::map<std::string, Folder>::iterator folder);
  Result<> leave_for(const std::string& parent);

  CaptureSink& sink_;
  std::map<std::string, Folder> open_;  ///< By path; "" is the root.
  std::string current_;                 ///< The folder of the last entry.
};

}  // namespace reprieve
