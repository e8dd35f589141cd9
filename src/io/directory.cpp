#include "io/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "io/internal/retry.hpp"

namespace reprieve::io {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

EntryKind kind_of(unsigned char type) {
  switch (type) {
    case DT_REG:
      return EntryKind::kFile;
    case DT_DIR:
      return EntryKind::kDirectory;
    case DT_LNK:
      return EntryKind::kSymlink;
    case DT_UNKNOWN:
      return EntryKind::kUnknown;
    default:
      return EntryKind::kOther;
  }
}

Result<> check_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    return Error{ErrorKind::kInvalid, "'" + name + "' is no file name"};
  return kOk;
}

/// The same promise as openat2's, segment by segment, where a sandbox refuses that call.
int open_by_segments(int base, std::string_view path, int flags, mode_t mode) {
  FileHandle current;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string segment{path.substr(0, slash)};
    if (segment.empty() || segment == "..") {
      errno = EXDEV;
      return -1;
    }
    const int from = current.is_open() ? current.fd() : base;
    const bool is_last = slash == std::string_view::npos;
    const int fd = retry_if_interrupted([&] {
      return ::openat(from, segment.c_str(), (is_last ? flags : kDirectoryFlags) | O_NOFOLLOW,
                      mode);
    });
    if (fd < 0 || is_last) return fd;
    current = FileHandle{fd};
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

int open_beneath(int directory_fd, const char* path, int flags, mode_t mode) {
  static std::atomic<bool> is_allowed{false};
  flags |= O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  ::open_how how{};
  how.flags = static_cast<unsigned long long>(flags);
  // The kernel refuses a mode without a flag that creates.
  if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto fd = retry_if_interrupted(
      [&] { return ::syscall(SYS_openat2, directory_fd, path, &how, sizeof how); });
  if (fd >= 0) {
    is_allowed.store(true, std::memory_order_relaxed);
    return static_cast<int>(fd);
  }
  // A sandbox says EPERM to the call itself; once it was let through, it is the file's own answer.
  const bool may_be_sandbox = errno == EPERM && !is_allowed.load(std::memory_order_relaxed);
  if (errno == ENOSYS || errno == EAGAIN || may_be_sandbox)
    return open_by_segments(directory_fd, path, flags, mode);
  return -1;
}

Result<Directory> Directory::open(const std::string& path) {
  REPRIEVE_TRY(FileHandle file, io::open_file(path, kDirectoryFlags));
  return Directory{std::move(file)};
}

Result<Directory> Directory::reopen(int directory_fd) {
  FileHandle file{open_beneath(directory_fd, ".", kDirectoryFlags)};
  if (!file.is_open()) return error_from_errno(errno, "open directory");
  return Directory{std::move(file)};
}

Result<Directory> Directory::open_directory(const std::string& path) const {
  REPRIEVE_TRY(FileHandle file, open_file(path, kDirectoryFlags));
  return Directory{std::move(file)};
}

Result<FileHandle> Directory::open_file(const std::string& path, int flags, mode_t mode) const {
  if (path.find('\0') != std::string::npos)
    return Error{ErrorKind::kInvalid, "open: the path has a zero byte"};
  FileHandle file{open_beneath(fd(), path.c_str(), flags, mode)};
  if (!file.is_open()) return error_from_errno(errno, "open " + path);
  return file;
}

Result<> Directory::make_directory(const std::string& name, mode_t mode) const {
  REPRIEVE_RETURN_IF_ERROR(check_name(name));
  if (::mkdirat(fd(), name.c_str(), mode) != 0)
    return error_from_errno(errno, "make directory " + name);
  return kOk;
}

Result<> Directory::remove_file(const std::string& name) const {
  REPRIEVE_RETURN_IF_ERROR(check_name(name));
  if (::unlinkat(fd(), name.c_str(), 0) != 0) return error_from_errno(errno, "remove " + name);
  return kOk;
}

Result<> Directory::remove_directory(const std::string& name) const {
  REPRIEVE_RETURN_IF_ERROR(check_name(name));
  if (::unlinkat(fd(), name.c_str(), AT_REMOVEDIR) != 0)
    return error_from_errno(errno, "remove directory " + name);
  return kOk;
}

Result<struct ::stat> Directory::stat(const std::string& name) const {
  REPRIEVE_RETURN_IF_ERROR(check_name(name));
  struct ::stat status {};
  if (::fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return error_from_errno(errno, "stat " + name);
  return status;
}

Result<> Directory::rename(const std::string& name, const Directory& target,
                           const std::string& target_name) const {
  REPRIEVE_RETURN_IF_ERROR(check_name(name));
  REPRIEVE_RETURN_IF_ERROR(check_name(target_name));
  if (::renameat(fd(), name.c_str(), target.fd(), target_name.c_str()) != 0)
    return error_from_errno(errno, "rename " + name + " to " + target_name);
  return kOk;
}

Result<> Directory::rename_new(const std::string& name, const Directory& target,
                               const std::string& target_name) const {
  REPRIEVE_RETURN_IF_ERROR(check_name(name));
  REPRIEVE_RETURN_IF_ERROR(check_name(target_name));
  if (::renameat2(fd(), name.c_str(), target.fd(), target_name.c_str(), RENAME_NOREPLACE) == 0)
    return kOk;
  if (errno == EINVAL || errno == ENOSYS) {
    // File systems without the flag (NFS, old FUSE): a second link, which never replaces either.
    if (::linkat(fd(), name.c_str(), target.fd(), target_name.c_str(), 0) == 0)
      return remove_file(name);
  }
  return error_from_errno(errno, "rename " + name + " to " + target_name);
}

Result<> Directory::exchange(const std::string& a, const std::string& b) const {
  REPRIEVE_RETURN_IF_ERROR(check_name(a));
  REPRIEVE_RETURN_IF_ERROR(check_name(b));
  if (::renameat2(fd(), a.c_str(), fd(), b.c_str(), RENAME_EXCHANGE) != 0)
    return error_from_errno(errno, "exchange " + a + " and " + b);
  return kOk;
}

Result<> Directory::sync() const {
  if (retry_if_interrupted([&] { return ::fsync(fd()); }) != 0)
    return error_from_errno(errno, "sync directory");
  return kOk;
}

Result<std::vector<DirectoryEntry>> Directory::list() const {
  // A second description of the same directory, so that listings do not share a read position.
  FileHandle own{::openat(fd(), ".", kDirectoryFlags)};
  if (!own.is_open()) return error_from_errno(errno, "list directory");
  const std::unique_ptr<DIR, CloseDir> dir{::fdopendir(own.fd())};
  if (dir == nullptr) return error_from_errno(errno, "list directory");
  static_cast<void>(own.release());  // closedir() closes it from here on.
  std::vector<DirectoryEntry> entries;
  while (true) {
    errno = 0;
    const ::dirent* entry = ::readdir(dir.get());
    if (entry == nullptr && errno != 0) return error_from_errno(errno, "list directory");
    if (entry == nullptr) return entries;
    const std::string_view name{entry->d_name};
    if (name == "." || name == "..") continue;
    entries.push_back({std::string{name}, kind_of(entry->d_type)});
  }
}

Result<std::vector<std::string>> list_dir(const std::string& path) {
  REPRIEVE_TRY(const Directory directory, Directory::open(path));
  REPRIEVE_TRY(auto entries, directory.list());
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (DirectoryEntry& entry : entries)
    names.push_back(std::move(entry.name));
  std::ranges::sort(names);
  return names;
}

}  // namespace reprieve::io
