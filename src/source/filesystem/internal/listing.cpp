#include "source/filesystem/internal/listing.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace reprieve::filesystem {
namespace {

// Of names at a time: few system calls for a large directory, and no page fault for a small one.
constexpr std::size_t kBatchBytes = 64 * 1024;

}  // namespace

int list_directory(int fd, std::vector<Listed>& out) {
  alignas(struct dirent64) char batch[kBatchBytes];
  // A descriptor may have been used for a listing before.
  if (::lseek(fd, 0, SEEK_SET) < 0) return errno;
  int failed = 0;
  for (;;) {
    const ssize_t size = ::getdents64(fd, batch, sizeof batch);
    if (size < 0) failed = errno;
    if (size <= 0) break;
    for (ssize_t at = 0; at < size;) {
      const auto* record = reinterpret_cast<const struct dirent64*>(batch + at);
      at += record->d_reclen;
      const std::string_view name{record->d_name};
      if (name == "." || name == "..") continue;
      out.push_back({std::string{name}, {}, 0});
    }
  }
  std::ranges::sort(out, {}, &Listed::name);
  // A directory that changes meanwhile may give a name twice.
  const auto repeats = std::ranges::unique(out, {}, &Listed::name);
  out.erase(repeats.begin(), repeats.end());
  for (Listed& each : out)
    each.error = stat_at(fd, each.name.c_str(), each.inode);
  return failed;
}

}  // namespace reprieve::filesystem
