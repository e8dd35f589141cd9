#include "source/source.hpp"

#include <algorithm>
#include <cstring>

#include "tree/tree_codec.hpp"

namespace reprieve {
namespace {

/// Bytes that lie `stored_offset` into the stored part of a content, put to where they belong
/// between the holes.
void place(const Content& content, std::uint64_t stored_offset, ByteView bytes, Bytes& out) {
  std::uint64_t shift = 0;  // Holes before the place that is being filled.
  std::size_t next = 0;
  while (!bytes.empty()) {
    while (next < content.holes.size() && content.holes[next].offset <= stored_offset + shift)
      shift += content.holes[next++].length;
    const std::uint64_t at = stored_offset + shift;
    const std::uint64_t end = next < content.holes.size() ? content.holes[next].offset : out.size();
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end - at));
    std::memcpy(out.data() + at, bytes.data(), length);
    bytes = bytes.subspan(length);
    stored_offset += length;
  }
}

}  // namespace

Result<Bytes> read_content(RestoreReader& reader, const Content& content, std::size_t size_max) {
  if (content.size > size_max)
    return Error{ErrorKind::kExhausted, "read content: " + std::to_string(content.size) +
                                            " bytes are more than " + std::to_string(size_max)};
  Bytes out(static_cast<std::size_t>(content.size), std::byte{0});
  REPRIEVE_TRY(const std::vector<ChunkRef> chunks, reader.chunks_of(content));
  std::vector<RestoreReader::Request> requests;
  std::uint64_t total = content.inline_bytes.size();
  for (const ChunkRef& chunk : chunks) {
    requests.push_back({chunk, 0, total});
    total += chunk.length;
  }
  place(content, 0, content.inline_bytes, out);
  if (requests.empty()) return out;
  // No two chunks share a byte of `out`: the threads need no lock.
  REPRIEVE_RETURN_IF_ERROR(reader.fetch(
      requests,
      [&](const RestoreReader::Request& request, ByteView bytes) -> Result<> {
        if (bytes.size() != request.chunk.length)
          return Error{ErrorKind::kCorrupt, "read content: a chunk has another length"};
        place(content, request.offset, bytes, out);
        return kOk;
      },
      [](const RestoreReader::Request&, const Error& why) -> Result<> { return Error{why}; }));
  return out;
}

}  // namespace reprieve
