#include "source/filesystem/internal/remove_at.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "source/filesystem/internal/inode.hpp"
#include "source/filesystem/internal/listing.hpp"

namespace reprieve::filesystem {
namespace {

int unlink_thawed(int directory_fd, const std::string& name, int flags) {
  if (::unlinkat(directory_fd, name.c_str(), flags) == 0) return 0;
  if (errno != EPERM) return errno;
  thaw_at(directory_fd, name);
  return ::unlinkat(directory_fd, name.c_str(), flags) == 0 ? 0 : errno;
}

/// Opens a directory that is to be emptied, whatever its mode and flags say.
int open_to_empty(int directory_fd, const std::string& name, Descriptor& out) {
  int error = open_for_reading(directory_fd, name.c_str(), O_DIRECTORY, out);
  if (error == EACCES && ::fchmodat(directory_fd, name.c_str(), 0700, AT_SYMLINK_NOFOLLOW) == 0)
    error = open_for_reading(directory_fd, name.c_str(), O_DIRECTORY, out);
  if (error != 0) return error;
  if ((read_flags(out.get()) & kFreezingFlags) != 0) write_flags(out.get(), 0);
  struct stat found;
  if (::fstat(out.get(), &found) == 0 && (found.st_mode & 0700) != 0700) ::fchmod(out.get(), 0700);
  return 0;
}

/// Moves a full directory out of `fd` into the one that is removed, under a name of its own.
int move_up(int fd, const std::string& name, int top_fd, std::vector<std::string>& pending) {
  const std::string beside =
      ".reprieve-removed-" + std::to_string(::getpid()) + "-" + std::to_string(pending.size());
  for (int attempt = 0;; ++attempt) {
    if (::renameat2(fd, name.c_str(), top_fd, beside.c_str(), RENAME_NOREPLACE) == 0) break;
    // A directory that is moved must be writable itself, since its ".." changes.
    Descriptor opened;
    if (attempt > 0 || (errno != EACCES && errno != EPERM)) return errno;
    if (const int error = open_to_empty(fd, name, opened); error != 0) return error;
  }
  pending.push_back(beside);
  return 0;
}

/// Empties an open directory. Full directories in it stay, and are noted, if it is the top; else
/// they are moved to the top, so that no depth of tree takes a depth of descriptors.
int empty_directory(int fd, int top_fd, std::vector<std::string>& pending, std::uint64_t& removed) {
  std::vector<Listed> listed;
  if (const int error = list_directory(fd, listed); error != 0) return error;
  for (const Listed& each : listed) {
    const bool is_directory = each.inode.type == EntryType::kDirectory;
    int error = unlink_thawed(fd, each.name, is_directory ? AT_REMOVEDIR : 0);
    if (is_directory && (error == ENOTEMPTY || error == EEXIST)) {
      error = 0;
      if (fd == top_fd)
        pending.push_back(each.name);
      else
        error = move_up(fd, each.name, top_fd, pending);
      if (error != 0) return error;
      continue;
    }
    if (error != 0 && error != ENOENT) return error;
    ++removed;
  }
  return 0;
}

}  // namespace

void thaw_at(int directory_fd, const std::string& name) {
  Descriptor fd;
  if (open_for_reading(directory_fd, name.c_str(), 0, fd) != 0) return;
  const std::uint32_t flags = read_flags(fd.get());
  if ((flags & kFreezingFlags) != 0) write_flags(fd.get(), flags & ~kFreezingFlags);
}

int remove_at(int directory_fd, const std::string& name, std::uint64_t& removed) {
  Inode inode;
  if (const int error = stat_at(directory_fd, name.c_str(), inode); error != 0) return error;
  if (inode.type != EntryType::kDirectory) {
    const int error = unlink_thawed(directory_fd, name, 0);
    if (error == 0) ++removed;
    return error;
  }
  Descriptor top;
  std::vector<std::string> pending;
  int error = open_to_empty(directory_fd, name, top);
  if (error == 0) error = empty_directory(top.get(), top.get(), pending, removed);
  for (std::size_t at = 0; at < pending.size() && error == 0; ++at) {
    const std::string next = pending[at];
    Descriptor fd;
    error = open_to_empty(top.get(), next, fd);
    if (error == 0) error = empty_directory(fd.get(), top.get(), pending, removed);
    if (error == 0) error = unlink_thawed(top.get(), next, AT_REMOVEDIR);
    if (error == 0) ++removed;
  }
  if (error == 0) error = unlink_thawed(directory_fd, name, AT_REMOVEDIR);
  if (error == 0) ++removed;
  return error;
}

}  // namespace reprieve::filesystem
