#include "source/filesystem/internal/existing_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "source/filesystem/internal/stored_extents.hpp"

namespace reprieve::filesystem {
namespace {

// No honest repository cuts longer chunks, and the length comes from it.
constexpr std::uint32_t kPieceBytesMax = 16 * 1024 * 1024;

/// 0, an errno, or ENODATA if the file ends before `out` is full.
int read_all(int fd, MutableByteView out, std::uint64_t offset) {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return ENODATA;
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return 0;
}

/// Whether a hole reads as zeros here, too, as a real hole or as stored zeros.
bool is_zero(int fd, const Hole& hole) {
  std::array<std::byte, 16 * 1024> block;
  const std::uint64_t end = hole.offset + hole.length;
  for (std::uint64_t at = hole.offset; at < end;) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return true;
    if (data >= 0) at = static_cast<std::uint64_t>(data);
    if (at >= end) return true;
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), end - at));
    const MutableByteView part = MutableByteView{block}.first(length);
    if (read_all(fd, part, at) != 0) return false;
    if (std::ranges::any_of(part, [](std::byte b) { return b != std::byte{0}; })) return false;
    at += length;
  }
  return true;
}

bool holds_inline_bytes(int fd, const Content& content) {
  Bytes found(content.inline_bytes.size());
  return read_between_holes(fd, content, 0, found) && found == content.inline_bytes;
}

}  // namespace

bool ExistingFile::open(int directory_fd, const std::string& name) {
  if (open_for_reading(directory_fd, name.c_str(), 0, fd_) != 0) return false;
  return stat_fd(fd_.fd(), inode_) == 0 && inode_.type == EntryType::kFile;
}

bool read_between_holes(int fd, const Content& content, std::uint64_t stored_offset,
                        MutableByteView out) {
  return for_each_extent(content, stored_offset, out,
                         [&](std::uint64_t file_offset, MutableByteView part) {
                           return read_all(fd, part, file_offset);
                         }) == 0;
}

Result<LocalPieces> find_pieces(RestoreReader& reader, const ExistingFile& file,
                                const Content& content, std::span<const ChunkRef> chunks) {
  LocalPieces pieces;
  pieces.is_here.reserve(chunks.size());
  Bytes buffer;
  std::uint64_t offset = 0;
  for (const ChunkRef& chunk : chunks) {
    REPRIEVE_RETURN_IF_ERROR(reader.cancel().check());
    bool is_here = offset < file.inode().size && chunk.length <= kPieceBytesMax;
    if (is_here) {
      buffer.resize(chunk.length);
      is_here = read_between_holes(file.fd(), content, offset, buffer) &&
                reader.is_chunk(chunk.id, buffer);
    }
    pieces.is_here.push_back(is_here);
    if (is_here)
      pieces.bytes += chunk.length;
    else
      ++pieces.absent;
    offset += chunk.length;
  }
  pieces.is_whole = pieces.absent == 0 && file.inode().size == content.size &&
                    (!chunks.empty() || holds_inline_bytes(file.fd(), content)) &&
                    std::ranges::all_of(content.holes,
                                        [&](const Hole& hole) { return is_zero(file.fd(), hole); });
  return pieces;
}

}  // namespace reprieve::filesystem
