#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "source/source.hpp"

namespace reprieve {

/// What to capture of a file system and how.
struct CaptureOptions {
  /// Files, directories or anything else. Made absolute and lexically normal, without resolving
  /// symlinks; a path that is itself a symlink to a directory stands for that directory.
  std::vector<std::string> paths;
  /// Names to leave out, as in .gitignore but without negation: "*.tmp" at any depth, "/var/cache"
  /// and "a/**/b" from each path on, "tmp/" for directories only.
  std::vector<std::string> exclude;
  bool one_file_system = false;     ///< Mount points are kept as empty directories.
  bool honour_cachedir_tag = true;  ///< Of a tagged cache directory only the tag is kept.
  /// File that remembers what was captured, so that unchanged files are not read again; empty for
  /// none. A missing or damaged one costs time and nothing else. One per source.
  std::string cache_path;
  /// So often the cache keeps on record what was found so far, so that a run after one that was
  /// killed goes on where that was.
  Duration checkpoint_interval = std::chrono::minutes{5};
  unsigned threads = 0;  ///< 0: as many as there are cores, at least two.
};

/// Captures files with everything that Linux knows of them: raw names, times to the nanosecond,
/// owners with their names, modes, extended attributes (ACLs and capabilities among them), inode
/// flags, hard links of any type, holes, symlinks, fifos, sockets and devices, at any depth.
///
/// Mount points of the kernel's own views (proc, sysfs, cgroup, ...) are kept as empty directories,
/// unless one is given as a path itself.
///
/// What changes while it is read is read again, and kept and marked in the end; what cannot be read
/// is kept as far as it could be, marked, and reported as a Problem. The result does not depend on
/// the timing of threads.
///
/// With a cache, every file below a directory is counted in the progress as new, changed or
/// unchanged since the last capture that the cache remembers, an interrupted one included.
class FilesystemSource : public Source {
 public:
  explicit FilesystemSource(CaptureOptions options, Clock& clock = system_clock());

  /// One entry per path, sorted, named by the whole path.
  /// Errors: kInvalid for a pattern; kNotFound if a path does not exist; kDenied if it cannot be
  /// looked at; kCancelled; whatever the sink returns.
  Result<std::vector<Entry>> capture(CaptureSink& sink) override;

 private:
  CaptureOptions options_;
  Clock& clock_;
};

}  // namespace reprieve
