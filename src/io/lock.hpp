#pragma once

#include <string>

#include "io/file.hpp"

namespace reprieve::io {

/// An exclusive lock between processes, held by an open file (flock(2)): the kernel frees it
/// however its holder ends, so a lock is never stale. The file stays behind and says who held it
/// last.
class FileLock {
 public:
  /// Takes the lock at once or not at all; makes the file if it is missing. `purpose` is for the
  /// message to others ("run 7f3a"). Errors: kConflict, naming the holder, if it is taken; kDenied.
  static Result<FileLock> try_take(const std::string& path, const std::string& purpose);

  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&&) noexcept = default;

 private:
  explicit FileLock(FileHandle file) : file_{std::move(file)} {}
  FileHandle file_;
};

}  // namespace reprieve::io
