#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <vector>

#include "io/file.hpp"

namespace reprieve::io {

/// What a directory entry is, as far as the directory itself tells.
enum class EntryKind : std::uint8_t { kFile, kDirectory, kSymlink, kOther, kUnknown };

struct DirectoryEntry {
  std::string name;  ///< Raw bytes; never "." or "..".
  EntryKind kind = EntryKind::kUnknown;
};

/// An open directory. All names are relative to it and cannot leave it: no symbolic link is
/// followed, no "..", no absolute path, no magic link of /proc. Safe to use on trees that somebody
/// else changes meanwhile. Methods may be called from several threads at once.
///
/// "Path" parameters may have several segments; "name" parameters are one segment, else kInvalid.
class Directory {
 public:
  Directory() = default;
  /// Opens `path` as the operator gave it: links in it are followed.
  static Result<Directory> open(const std::string& path);
  /// Opens once more what `directory_fd` is open on; that stays the caller's.
  static Result<Directory> reopen(int directory_fd);

  /// Errors: kNotFound; kInvalid if it is no directory or a link is in the way; kDenied.
  [[nodiscard]] Result<Directory> open_directory(const std::string& path) const;
  /// open(2) below this directory. A FIFO or device does not block, but is opened: fstat it.
  [[nodiscard]] Result<FileHandle> open_file(const std::string& path, int flags,
                                             mode_t mode = 0600) const;

  /// Errors: kConflict if the name exists.
  [[nodiscard]] Result<> make_directory(const std::string& name, mode_t mode = 0700) const;
  [[nodiscard]] Result<> remove_file(const std::string& name) const;
  /// Errors: kConflict if it is not empty.
  [[nodiscard]] Result<> remove_directory(const std::string& name) const;
  /// lstat(2). Errors: kNotFound.
  [[nodiscard]] Result<struct ::stat> stat(const std::string& name) const;

  /// Moves `name` to `target/target_name`, replacing a file there.
  [[nodiscard]] Result<> rename(const std::string& name, const Directory& target,
                                const std::string& target_name) const;
  /// The same, never replacing. Errors: kConflict if the target exists.
  [[nodiscard]] Result<> rename_new(const std::string& name, const Directory& target,
                                    const std::string& target_name) const;
  /// Swaps two names of this directory in one step. Errors: kNotFound; kInvalid if the file system
  /// cannot do it.
  [[nodiscard]] Result<> exchange(const std::string& a, const std::string& b) const;

  /// Makes the names in this directory durable: fsync(2). A failure is final, as for files.
  [[nodiscard]] Result<> sync() const;

  /// All entries, in no order.
  [[nodiscard]] Result<std::vector<DirectoryEntry>> list() const;

  [[nodiscard]] bool is_open() const { return file_.is_open(); }
  [[nodiscard]] int fd() const { return file_.fd(); }

 private:
  explicit Directory(FileHandle file) : file_{std::move(file)} {}
  FileHandle file_;
};

/// Names in the directory at `path`, sorted by bytes.
Result<std::vector<std::string>> list_dir(const std::string& path);

/// What Directory opens with, for those who go on by descriptor and errno: open(2) of `path` below
/// an open directory, with O_CLOEXEC, O_NOCTTY and O_NONBLOCK added. The kernel sees to it that no
/// link is followed and nothing outside is opened. -1, with errno, if it fails.
int open_beneath(int directory_fd, const char* path, int flags, mode_t mode = 0600);

/// Removes `path` and all below it; an absent path is success. Never follows a link, never leaves
/// the tree, makes unreadable folders readable first. Not durable by itself.
Result<> remove_tree(const std::string& path);

/// What to do about files and folders that are marked as immutable or append-only.
enum class Immutable : std::uint8_t {
  kRespect,  ///< They stay, and the removal fails there.
  kThaw,     ///< The mark is taken away, where this user may.
};
/// The same for one name in a directory. Adds to `removed` how many names are gone, also if it
/// fails half-way.
Result<> remove_tree(const Directory& parent, const std::string& name, Immutable immutable,
                     std::uint64_t& removed);

}  // namespace reprieve::io
