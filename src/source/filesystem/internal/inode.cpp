#include "source/filesystem/internal/inode.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "io/directory.hpp"

namespace reprieve::filesystem {
namespace {

constexpr unsigned kStatMask = STATX_BASIC_STATS | STATX_BTIME;
// The kernel's own limit on the names' list is 64 KiB; values are at most 64 KiB each. A tree's
// parser must accept the entry, so what one inode may bring is bounded, too.
constexpr std::size_t kXattrListMax = 64 * 1024;
constexpr std::size_t kXattrTotalMax = 4 * 1024 * 1024;

std::optional<EntryType> type_of(std::uint16_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return EntryType::kFile;
    case S_IFDIR:
      return EntryType::kDirectory;
    case S_IFLNK:
      return EntryType::kSymlink;
    case S_IFIFO:
      return EntryType::kFifo;
    case S_IFSOCK:
      return EntryType::kSocket;
    case S_IFCHR:
      return EntryType::kCharDevice;
    case S_IFBLK:
      return EntryType::kBlockDevice;
    default:
      return std::nullopt;
  }
}

FileTime time_of(const struct statx_timestamp& time) {
  return {time.tv_sec, time.tv_nsec};
}

std::uint32_t flags_of(std::uint64_t attributes) {
  std::uint32_t flags = 0;
  if ((attributes & STATX_ATTR_COMPRESSED) != 0) flags |= FS_COMPR_FL;
  if ((attributes & STATX_ATTR_IMMUTABLE) != 0) flags |= FS_IMMUTABLE_FL;
  if ((attributes & STATX_ATTR_APPEND) != 0) flags |= FS_APPEND_FL;
  if ((attributes & STATX_ATTR_NODUMP) != 0) flags |= FS_NODUMP_FL;
  return flags;
}

int stat_with(int fd, const char* name, int flags, Inode& out) {
  struct statx found;
  if (::statx(fd, name, flags, kStatMask, &found) != 0) return errno;
  out.type = type_of(found.stx_mode);
  out.mode = static_cast<std::uint16_t>(found.stx_mode & 07777);
  out.uid = found.stx_uid;
  out.gid = found.stx_gid;
  out.links = found.stx_nlink;
  out.device = makedev(found.stx_dev_major, found.stx_dev_minor);
  out.number = found.stx_ino;
  out.size = found.stx_size;
  out.stored_bytes = found.stx_blocks * 512;
  out.modified = time_of(found.stx_mtime);
  out.changed = time_of(found.stx_ctime);
  out.born.reset();
  if ((found.stx_mask & STATX_BTIME) != 0) out.born = time_of(found.stx_btime);
  out.flags = flags_of(found.stx_attributes);
  out.rdev_major = found.stx_rdev_major;
  out.rdev_minor = found.stx_rdev_minor;
  return 0;
}

/// security.evm is a signature over the inode itself: of no use on any other one.
bool is_kept(std::string_view name) {
  return name != "security.evm";
}

/// `list` and `get` are the two system calls, bound to their inode. What was read before an error
/// is in `out`.
template <class List, class Get>
int read_xattrs_with(const List& list, const Get& get, std::vector<Xattr>& out) {
  char names[kXattrListMax];
  const ssize_t size = list(names, sizeof names);
  if (size < 0) return errno == ENOTSUP ? 0 : errno;
  int failed = 0;
  std::size_t total = 0;
  for (std::string_view rest{names, static_cast<std::size_t>(size)}; !rest.empty();) {
    const std::string name{rest.substr(0, rest.find('\0'))};
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (!is_kept(name)) continue;
    Bytes value(XATTR_SIZE_MAX);
    const ssize_t length = get(name.c_str(), value.data(), value.size());
    if (length < 0) {
      // Gone since, or not to be had by this system: nothing is lost.
      if (errno != ENODATA && errno != ENOTSUP) failed = errno;
      continue;
    }
    value.resize(static_cast<std::size_t>(length));
    value.shrink_to_fit();
    total += name.size() + value.size();
    if (total > kXattrTotalMax) {
      failed = E2BIG;
      break;
    }
    out.push_back({name, std::move(value)});
  }
  std::ranges::sort(out, {}, &Xattr::name);
  return failed;
}

}  // namespace

const std::uint32_t kFreezingFlags = FS_IMMUTABLE_FL | FS_APPEND_FL;
const std::uint32_t kKeptFlags = kFreezingFlags | FS_COMPR_FL | FS_DIRSYNC_FL | FS_NOATIME_FL |
                                 FS_NOCOW_FL | FS_NODUMP_FL | FS_SYNC_FL;

int stat_at(int directory_fd, const char* name, Inode& out) {
  return stat_with(directory_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, out);
}

int stat_fd(int fd, Inode& out) {
  return stat_with(fd, "", AT_EMPTY_PATH, out);
}

bool is_same_state(const Inode& a, const Inode& b) {
  return a.number == b.number && a.device == b.device && a.type == b.type && a.size == b.size &&
         a.modified == b.modified && a.changed == b.changed;
}

int open_for_reading(int directory_fd, const char* name, int extra_flags, io::FileHandle& out) {
  const int flags = O_RDONLY | extra_flags;
  int fd = io::open_beneath(directory_fd, name, flags | O_NOATIME);
  // Only the owner and root may leave the access time alone.
  if (fd < 0 && errno == EPERM) fd = io::open_beneath(directory_fd, name, flags);
  if (fd < 0) return errno;
  out = io::FileHandle{fd};
  return 0;
}

bool is_pseudo_file_system(int fd) {
  struct statfs found;
  if (::fstatfs(fd, &found) != 0) return false;
  constexpr std::array kPseudo = {
      static_cast<long>(AUTOFS_SUPER_MAGIC),  static_cast<long>(BINFMTFS_MAGIC),
      static_cast<long>(BPF_FS_MAGIC),        static_cast<long>(CGROUP_SUPER_MAGIC),
      static_cast<long>(CGROUP2_SUPER_MAGIC), static_cast<long>(DEBUGFS_MAGIC),
      static_cast<long>(DEVPTS_SUPER_MAGIC),  static_cast<long>(EFIVARFS_MAGIC),
      static_cast<long>(NSFS_MAGIC),          static_cast<long>(PROC_SUPER_MAGIC),
      static_cast<long>(PSTOREFS_MAGIC),      static_cast<long>(SECURITYFS_MAGIC),
      static_cast<long>(SYSFS_MAGIC),         static_cast<long>(TRACEFS_MAGIC)};
  return std::ranges::find(kPseudo, static_cast<long>(found.f_type)) != kPseudo.end();
}

std::uint32_t read_flags(int fd) {
  int flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return 0;
  return static_cast<std::uint32_t>(flags) & kKeptFlags;
}

int write_flags(int fd, std::uint32_t flags) {
  int current = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &current) != 0) return errno;
  const std::uint32_t now = static_cast<std::uint32_t>(current);
  const std::uint32_t wanted = (now & ~kKeptFlags) | (flags & kKeptFlags);
  if (wanted == now) return 0;
  int value = static_cast<int>(wanted);
  return ::ioctl(fd, FS_IOC_SETFLAGS, &value) == 0 ? 0 : errno;
}

void thaw_at(int directory_fd, const std::string& name) {
  io::FileHandle file;
  if (open_for_reading(directory_fd, name.c_str(), 0, file) != 0) return;
  const std::uint32_t flags = read_flags(file.fd());
  if ((flags & kFreezingFlags) != 0) write_flags(file.fd(), flags & ~kFreezingFlags);
}

int read_xattrs(int fd, std::vector<Xattr>& out) {
  return read_xattrs_with(
      [&](char* names, std::size_t size) { return ::flistxattr(fd, names, size); },
      [&](const char* name, void* value, std::size_t size) {
        return ::fgetxattr(fd, name, value, size);
      },
      out);
}

int read_xattrs_at(int directory_fd, const std::string& name, std::vector<Xattr>& out) {
  const std::string path = proc_path(directory_fd, name);
  return read_xattrs_with(
      [&](char* names, std::size_t size) { return ::llistxattr(path.c_str(), names, size); },
      [&](const char* xattr, void* value, std::size_t size) {
        return ::lgetxattr(path.c_str(), xattr, value, size);
      },
      out);
}

std::string proc_path(int directory_fd, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory_fd) + "/" + name;
}

int read_link(int directory_fd, const char* name, std::string& out) {
  // Linux has no longer targets than PATH_MAX; a full buffer means that another system gave more.
  char target[64 * 1024];
  const ssize_t size = ::readlinkat(directory_fd, name, target, sizeof target);
  if (size < 0) return errno;
  out.assign(target, static_cast<std::size_t>(size));
  return 0;
}

}  // namespace reprieve::filesystem
