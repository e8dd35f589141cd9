#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "tree/entry.hpp"

namespace reprieve::filesystem {

/// Calls `visit(file_offset, part)`, which returns 0 or an errno, for each run of the file that
/// `bytes` cover: they lie `stored_offset` into what is stored of the content, its holes left out.
/// Returns the first errno, or EFBIG if the bytes go beyond the file's end.
template <class View, class Visit>
int for_each_extent(const Content& content, std::uint64_t stored_offset, View bytes,
                    const Visit& visit) {
  std::uint64_t file_offset = 0;
  std::uint64_t skip = stored_offset;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const bool is_last = i == content.holes.size();
    const std::uint64_t end = is_last ? content.size : content.holes[i].offset;
    const std::uint64_t length = end - file_offset;
    if (skip < length) {
      const auto part =
          static_cast<std::size_t>(std::min<std::uint64_t>(length - skip, bytes.size()));
      if (const int error = visit(file_offset + skip, bytes.first(part)); error != 0) return error;
      bytes = bytes.subspan(part);
      skip = 0;
    } else {
      skip -= length;
    }
    if (is_last) return bytes.empty() ? 0 : EFBIG;
    file_offset = content.holes[i].offset + content.holes[i].length;
  }
  return 0;
}

}  // namespace reprieve::filesystem
