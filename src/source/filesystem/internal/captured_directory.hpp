#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/filesystem/internal/directory_node.hpp"
#include "source/filesystem/internal/file_cache.hpp"
#include "source/filesystem/internal/inode.hpp"
#include "tree/entry.hpp"

namespace reprieve::filesystem {

/// A directory between its opening and the completion of everything below it. Only directories with
/// something pending exist, so memory follows the depth and the width of the path being walked and
/// not the size of the tree.
struct CapturedDirectory : DirectoryNode {
  /// How the entry of a slot relates to what the cache remembers.
  enum class Slot : std::uint8_t {
    kNew,      ///< The cache has nothing of that name.
    kStale,    ///< `entries` holds what the cache has, and it may be out of date.
    kCurrent,  ///< The same, and the inode was not touched since.
    kGone,     ///< To be left out.
  };

  [[nodiscard]] std::shared_ptr<CapturedDirectory> up() const {
    return std::static_pointer_cast<CapturedDirectory>(parent);
  }
  /// From the source's root, empty for the root itself: what exclude patterns see.
  [[nodiscard]] std::string relative_path() const;

  std::size_t slot = 0;  ///< In the parent.
  std::uint64_t path_hash = 0;
  Inode inode;
  Entry self;

  // One element per kept name, in order. Each slot belongs to one thread at a time.
  std::vector<Entry> entries;
  std::vector<Inode> inodes;
  std::vector<Slot> slots;

  std::optional<CachedDirectory> cached;
  std::atomic<bool> is_changed{false};  ///< The stored directory differs from the cached one.
  std::atomic<std::size_t> pending{1};  ///< Slots to be done, and 1 while it is listed.

  // Guarded by the walker's mutex.
  std::vector<std::uint32_t> files;
  std::vector<std::uint32_t> subdirectories;
  std::size_t next_file = 0;
  std::size_t next_subdirectory = 0;
};

}  // namespace reprieve::filesystem
