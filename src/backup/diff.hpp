#pragma once

#include <functional>
#include <string>
#include <vector>

#include "source/source.hpp"

namespace reprieve::backup {

/// One difference between two recovery points of a source.
struct Change {
  enum class Kind : std::uint8_t {
    kAdded,
    kRemoved,
    kModified,  ///< The content differs, or the type does.
    kMetadata,  ///< Only owner, mode, times, xattrs or flags differ.
  };
  Kind kind;
  std::string path;  ///< Raw bytes, from the root.
  EntryType type = EntryType::kFile;
  std::uint64_t size_before = 0;
  std::uint64_t size_after = 0;
};

/// Calls `visit` for each difference, in path order, an added or removed directory with all below
/// it. Equal directories are never read: they have equal ids.
using VisitChange = std::function<Result<>(const Change&)>;
Result<> compare(RestoreReader& reader, const std::vector<Entry>& before,
                 const std::vector<Entry>& after, const VisitChange& visit);

}  // namespace reprieve::backup
