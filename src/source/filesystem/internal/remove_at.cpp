#include "source/filesystem/internal/remove_at.hpp"

#include <fcntl.h>
#include <stdio.h>
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

/// Empties the directory `name`: full directories in it are moved up, beside it, and noted in
/// `moved`, so that no depth of tree takes a depth of descriptors.
int empty_directory(int directory_fd, const std::string& name, std::vector<std::string>& moved,
                    std::uint64_t& removed) {
  Descriptor fd;
  if (const int error = open_for_reading(directory_fd, name.c_str(), O_DIRECTORY, fd); error != 0)
    return error;
  if ((read_flags(fd.get()) & kFreezingFlags) != 0) write_flags(fd.get(), 0);
  std::vector<Listed> listed;
  if (const int error = list_directory(fd.get(), listed); error != 0) return error;
  for (const Listed& each : listed) {
    const bool is_directory = each.inode.type == EntryType::kDirectory;
    int error = unlink_thawed(fd.get(), each.name, is_directory ? AT_REMOVEDIR : 0);
    if (is_directory && (error == ENOTEMPTY || error == EEXIST)) {
      const std::string beside =
          ".reprieve-removed-" + std::to_string(::getpid()) + "-" + std::to_string(moved.size());
      error = ::renameat2(fd.get(), each.name.c_str(), directory_fd, beside.c_str(),
                          RENAME_NOREPLACE) == 0
                  ? 0
                  : errno;
      if (error == 0) moved.push_back(beside);
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
  std::vector<std::string> pending{name};
  for (std::size_t at = 0; at < pending.size(); ++at) {
    const std::string next = pending[at];
    if (const int error = empty_directory(directory_fd, next, pending, removed); error != 0)
      return error;
    if (const int error = unlink_thawed(directory_fd, next, AT_REMOVEDIR); error != 0) return error;
    ++removed;
  }
  return 0;
}

}  // namespace reprieve::filesystem
