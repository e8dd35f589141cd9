#pragma once

#include "mount/internal/file_system.hpp"

struct fuse_lowlevel_ops;

namespace reprieve::mount {

/// What the kernel asks, answered by the FileSystem that is the session's user data.
const ::fuse_lowlevel_ops& fuse_operations();

}  // namespace reprieve::mount
