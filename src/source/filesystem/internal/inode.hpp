#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/file.hpp"
#include "tree/entry.hpp"

/// The system calls of capture and restore on one inode. All work relative to a directory's
/// descriptor, never on whole paths: so depth is not limited by PATH_MAX, and no symlink on the way
/// can lead elsewhere. Functions return 0 or the errno, since callers branch on single numbers.
namespace reprieve::filesystem {

/// What statx(2) says.
struct Inode {
  std::optional<EntryType> type;  ///< Nothing for a type that Linux has not had so far.
  std::uint16_t mode = 0;         ///< 07777 only.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 0;
  std::uint64_t device = 0;  ///< That the inode lies on.
  std::uint64_t number = 0;
  std::uint64_t size = 0;
  std::uint64_t stored_bytes = 0;  ///< Less than `size` if there are holes (or compression).
  FileTime modified;
  FileTime changed;  ///< ctime: moves with any change and cannot be set.
  std::optional<FileTime> born;
  std::uint32_t flags = 0;  ///< Those of kKeptFlags that statx tells; read_flags() knows more.
  std::uint32_t rdev_major = 0;
  std::uint32_t rdev_minor = 0;
};

/// The inode flags that a recovery point keeps: append, compressed, directory-sync, immutable,
/// no-atime, no copy-on-write, no-dump, sync.
extern const std::uint32_t kKeptFlags;
/// Those of them that forbid further changes, so that a restorer sets them last.
extern const std::uint32_t kFreezingFlags;

/// Of `name` in `directory_fd`; symlinks are not followed, automounts not set off.
int stat_at(int directory_fd, const char* name, Inode& out);
int stat_fd(int fd, Inode& out);
/// Whether nothing was done to the inode between the two looks.
bool is_same_state(const Inode& a, const Inode& b);

/// Opens for reading without following a symlink or leaving the directory, without waiting for a
/// fifo's other end and, where allowed, without changing the access time.
int open_for_reading(int directory_fd, const char* name, int extra_flags, io::FileHandle& out);

/// Whether what lies there is a view of the running kernel (proc, sysfs, ...) and no stored data.
bool is_pseudo_file_system(int fd);

/// Flags in kKeptFlags of an open file or directory; 0 where the file system has none.
std::uint32_t read_flags(int fd);
/// Sets `flags` within kKeptFlags, leaving all other flags as they are.
int write_flags(int fd, std::uint32_t flags);
/// Takes the flags that forbid changes from `name`, as far as this user may.
void thaw_at(int directory_fd, const std::string& name);

/// Extended attributes that can be set back, sorted by name; after an error, those that could be
/// read.
int read_xattrs(int fd, std::vector<Xattr>& out);
/// Of what cannot be opened: through /proc, the link itself and not where it points.
int read_xattrs_at(int directory_fd, const std::string& name, std::vector<Xattr>& out);

/// The path in /proc that names `name` in an open directory, however deep that lies.
std::string proc_path(int directory_fd, const std::string& name);

int read_link(int directory_fd, const char* name, std::string& out);

}  // namespace reprieve::filesystem
