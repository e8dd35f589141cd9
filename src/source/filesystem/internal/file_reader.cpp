#include "source/filesystem/internal/file_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace reprieve::filesystem {

FileReader::FileReader(int fd, std::uint64_t size, bool may_have_holes) : fd_{fd}, size_{size} {
  if (may_have_holes && size > 0)
    find_extents();
  else if (size > 0)
    extents_.push_back({0, size});
  if (!extents_.empty()) position_ = extents_[0].begin;
}

void FileReader::find_extents() {
  for (std::uint64_t at = 0; at < size_;) {
    const off_t data = ::lseek(fd_, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return;  // Nothing but a hole from here on.
    const off_t hole = data < 0 ? -1 : ::lseek(fd_, data, SEEK_HOLE);
    if (hole <= data) {
      // A file system without the call, or a file that changes under us: all that is left is data.
      extents_.push_back({at, size_});
      return;
    }
    const std::uint64_t begin = std::min(static_cast<std::uint64_t>(data), size_);
    const std::uint64_t end = std::min(static_cast<std::uint64_t>(hole), size_);
    if (begin < end) extents_.push_back({begin, end});
    at = static_cast<std::uint64_t>(hole);
  }
}

Result<std::size_t> FileReader::read(MutableByteView out) {
  while (next_ < extents_.size() && !is_cut_short_) {
    const Extent& extent = extents_[next_];
    if (position_ == extent.end) {
      if (++next_ < extents_.size()) position_ = extents_[next_].begin;
      continue;
    }
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), extent.end - position_));
    const ssize_t got = ::pread(fd_, out.data(), wanted, static_cast<off_t>(position_));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got < 0) read_error_ = errno;
      is_cut_short_ = true;
      break;
    }
    position_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }
  return std::size_t{0};
}

void FileReader::describe(Content& content) const {
  content.size = is_cut_short_ ? position_ : size_;
  content.holes.clear();
  std::uint64_t end = 0;
  const auto add_hole = [&](std::uint64_t until) {
    if (until > end) content.holes.push_back({end, until - end});
  };
  for (const Extent& extent : extents_) {
    if (extent.begin >= content.size) break;
    add_hole(extent.begin);
    end = std::min(extent.end, content.size);
  }
  add_hole(content.size);
}

}  // namespace reprieve::filesystem
