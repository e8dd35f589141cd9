#pragma once

#include <string>
#include <vector>

#include "source/filesystem/internal/inode.hpp"

namespace reprieve::filesystem {

/// A name in a directory and what lies under it.
struct Listed {
  std::string name;
  Inode inode;
  int error = 0;  ///< errno of looking at it; `inode` is then empty.
};

/// Everything in a directory save "." and "..", sorted by the names' bytes. Returns 0 or the errno
/// that ended the listing early; what was listed until then is in `out`.
int list_directory(int fd, std::vector<Listed>& out);

}  // namespace reprieve::filesystem
