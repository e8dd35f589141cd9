#pragma once

#include <functional>
#include <string>

#include "app/workspace.hpp"
#include "mount/mount.hpp"

namespace reprieve::app {

struct MountChoices {
  std::string directory;
  std::string point;   ///< Empty: all points of `source`, or of every source.
  std::string source;  ///< May be empty.
  bool is_for_others = false;
};

struct MountOutcome {
  std::size_t points = 0;
  std::size_t sources = 0;
  std::size_t problems = 0;  ///< Files and folders that could not be read.
};

/// Told once the mount can be used; its `problems` are still none.
using MountReady = std::function<void(const MountOutcome&)>;

/// Shows recovery points as a file system until it is unmounted or `cancel` is requested. Errors:
/// as mount::mount_points(); kDenied if the key cannot read; as find_point().
Result<MountOutcome> mount(const Workspace& workspace, OpenRepository& open,
                           const MountChoices& choices, const MountReady& ready,
                           const decltype(mount::MountEvents::damaged)& damaged,
                           const CancelToken& cancel);

}  // namespace reprieve::app
