#include "source/postgresql/internal/present_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

namespace reprieve {
namespace {

// No honest repository cuts longer chunks, and the length comes from it.
constexpr std::uint32_t kPieceBytesMax = 16 * 1024 * 1024;

/// A file may be its owner's to read only, as a server's key is; the owner may change that.
Result<io::FileHandle> open_for(const io::Directory& folder, const std::string& name,
                                PresentUse use) {
  if (use == PresentUse::kRead) return folder.open_file(name, O_RDONLY);
  auto file = folder.open_file(name, O_RDWR);
  if (file || file.error().kind != ErrorKind::kDenied) return file;
  REPRIEVE_TRY(const io::FileHandle readable, folder.open_file(name, O_RDONLY));
  struct stat status {};
  if (::fstat(readable.fd(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1 ||
      ::fchmod(readable.fd(), 0600) != 0)
    return std::move(file).error();
  return folder.open_file(name, O_RDWR);
}

bool read_piece(const io::FileHandle& file, MutableByteView out, std::uint64_t offset) {
  const auto got = io::pread_some(file, out, {offset});
  return got && *got == out.size();
}

}  // namespace

Result<std::optional<PresentFile>> open_present(const io::Directory& folder,
                                                const std::string& name, PresentUse use) {
  using Found = std::optional<PresentFile>;
  const auto there = folder.stat(name);
  if (!there)
    return there.error().kind == ErrorKind::kNotFound ? Found{} : Result<Found>{there.error()};
  if (S_ISREG(there->st_mode)) {
    auto file = open_for(folder, name, use);
    struct stat status {};
    // Of what was opened: another name of it is not this cluster's alone to change.
    if (file && ::fstat(file->fd(), &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_nlink == 1)
      return Found{PresentFile{*std::move(file), static_cast<std::uint64_t>(status.st_size)}};
  }
  if (use == PresentUse::kWrite) REPRIEVE_RETURN_IF_ERROR(folder.remove_file(name));
  return Found{};
}

Result<PresentParts> find_present(RestoreReader& reader, const PresentFile& present,
                                  ByteView inline_bytes,
                                  std::vector<RestoreReader::Request>& requests) {
  PresentParts parts;
  if (requests.empty()) {
    Bytes found(inline_bytes.size());
    parts.is_whole = present.size == found.size() && read_piece(present.file, found, 0) &&
                     std::ranges::equal(found, inline_bytes);
    if (parts.is_whole) parts.bytes = found.size();
    return parts;
  }
  const std::uint64_t size = requests.back().offset + requests.back().chunk.length;
  std::vector<RestoreReader::Request> absent;
  Bytes buffer;
  for (const RestoreReader::Request& request : requests) {
    REPRIEVE_RETURN_IF_ERROR(reader.cancel().check());
    const std::uint32_t length = request.chunk.length;
    bool is_here = length <= kPieceBytesMax && request.offset + length <= present.size;
    if (is_here) {
      buffer.resize(length);
      is_here = read_piece(present.file, buffer, request.offset) &&
                reader.is_chunk(request.chunk.id, buffer);
    }
    if (is_here)
      parts.bytes += length;
    else
      absent.push_back(request);
  }
  requests = std::move(absent);
  parts.is_whole = requests.empty() && present.size == size;
  return parts;
}

}  // namespace reprieve
