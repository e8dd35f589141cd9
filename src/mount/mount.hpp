#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backup/repository_reader.hpp"
#include "base/cancel.hpp"
#include "mount/view.hpp"

namespace reprieve::mount {

struct MountOptions {
  std::string directory;  ///< Must exist; what is in it is hidden meanwhile.
  /// Other users may look, too; the kernel then keeps to the modes and owners of the files. False:
  /// only who mounts, for whom no mode counts.
  bool is_for_others = false;
};

/// What a mount tells while it runs. Called by several threads, one at a time.
struct MountEvents {
  std::function<void()> ready;
  /// A file or directory that cannot be read: once for each.
  std::function<void(const std::string& path, const Error& error)> damaged;
};

/// A file system of recovery points, read-only, until it is unmounted or `cancel` is requested.
///
/// Everything is as it was captured: types, modes, owners by number, times to the nanosecond,
/// attributes, links (one inode number), holes. Numbers of inodes are the same each time. What is
/// damaged gives EIO. Changes nothing in the repository; points that are pruned meanwhile become
/// unreadable. Memory: 32 MiB of frames, 64 MiB each of chunks and of folders, and some 100 bytes
/// for each name that the kernel has in its cache.
///
/// Errors: kNotFound if the directory or /dev/fuse is not there; kDenied if mounting is not
/// allowed; kInvalid if it is no directory; kTransient from the kernel's side. How many files and
/// directories could not be read, if it ends well, is returned.
Result<std::size_t> mount_points(backup::RepositoryReader& reader, std::vector<ShownSource> sources,
                                 const MountOptions& options, const MountEvents& events,
                                 const CancelToken& cancel);

/// The same for one point, whose tree is the root.
Result<std::size_t> mount_point(backup::RepositoryReader& reader,
                                std::unique_ptr<backup::PointTree> tree,
                                const MountOptions& options, const MountEvents& events,
                                const CancelToken& cancel);

}  // namespace reprieve::mount
