#include "repository/internal/bad_sectors.hpp"

#include <algorithm>

namespace reprieve::repository {

namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::size_t kSectorBytes = 4096;

/// Fills `out` from the object's bytes at `offset` in steps; what cannot be read stays zero.
Result<> read_pieces(ObjectStore& store, const ObjectKey& key, std::size_t offset,
                     MutableByteView out, std::size_t step) {
  for (std::size_t at = 0; at < out.size(); at += step) {
    const std::size_t length = std::min(step, out.size() - at);
    auto bytes = store.get(key, ByteRange{ByteOffset{offset + at}, ByteCount{length}});
    if (bytes) {
      std::ranges::copy(*bytes, out.begin() + static_cast<std::ptrdiff_t>(at));
      continue;
    }
    if (bytes.error().kind != ErrorKind::kCorrupt) return std::move(bytes).error();
    if (step > kSectorBytes)
      REPRIEVE_RETURN_IF_ERROR(
          read_pieces(store, key, offset + at, out.subspan(at, length), kSectorBytes));
  }
  return kOk;
}

}  // namespace

Result<Bytes> read_around_bad_sectors(ObjectStore& store, const ObjectKey& key,
                                      ByteCount size_max) {
  auto whole = store.get(key, size_max);
  if (whole || whole.error().kind != ErrorKind::kCorrupt) return whole;
  REPRIEVE_TRY(const ObjectInfo found, store.stat(key));
  if (found.size > size_max) return Error{ErrorKind::kExhausted, key + " is too large"};
  Bytes bytes(found.size.value, std::byte{0});
  REPRIEVE_RETURN_IF_ERROR(read_pieces(store, key, 0, bytes, kPieceBytes));
  return bytes;
}

}  // namespace reprieve::repository
