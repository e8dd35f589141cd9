#include "repository/chunker.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace reprieve::repository {

namespace {

/// Two bits stricter before the average and two bits laxer after it keep sizes near the average.
constexpr std::uint64_t kStrictMask = ~std::uint64_t{0} << (64 - 22);
constexpr std::uint64_t kLaxMask = ~std::uint64_t{0} << (64 - 18);
/// A byte has left the 64-bit sum after so many shifts.
constexpr std::size_t kWindow = 64;

/// Feeds bytes [from, to) to `hash`; returns the position after the byte that made the cut, or `to`
/// if there was none.
std::size_t scan(const std::array<std::uint64_t, 256>& gear, const std::uint8_t* bytes,
                 std::size_t from, std::size_t to, std::uint64_t mask, std::uint64_t& hash,
                 bool& found) {
  std::uint64_t h = hash;
  std::size_t i = from;
  for (; i < to; ++i) {
    h = (h << 1) + gear[bytes[i]];
    if ((h & mask) == 0) {
      found = true;
      return i + 1;
    }
  }
  hash = h;
  return i;
}

}  // namespace

Chunker::Chunker(const std::array<std::uint64_t, 256>& gear_table,
                 const ChunkerParameters& parameters)
    : gear_{gear_table}, parameters_{parameters} {
  REPRIEVE_ASSERT(parameters.min_bytes >= kWindow);
  REPRIEVE_ASSERT(parameters.min_bytes <= parameters.average_bytes &&
                  parameters.average_bytes <= parameters.max_bytes);
}

std::size_t Chunker::next_cut(ByteView bytes) const {
  REPRIEVE_ASSERT(!bytes.empty());
  const std::size_t end = std::min<std::size_t>(bytes.size(), parameters_.max_bytes);
  if (end <= parameters_.min_bytes) return end;
  const std::uint8_t* const data = as_u8(bytes.data());
  std::uint64_t hash = 0;
  for (std::size_t i = parameters_.min_bytes - kWindow; i < parameters_.min_bytes; ++i)
    hash = (hash << 1) + gear_[data[i]];
  const std::size_t average = std::min<std::size_t>(end, parameters_.average_bytes);
  bool found = false;
  std::size_t cut = scan(gear_, data, parameters_.min_bytes, average, kStrictMask, hash, found);
  if (!found && average < end) cut = scan(gear_, data, average, end, kLaxMask, hash, found);
  return cut;
}

}  // namespace reprieve::repository
