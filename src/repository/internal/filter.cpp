#include "repository/internal/filter.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace reprieve::repository {
namespace {

constexpr std::uint64_t kBitsPerId = 10;
constexpr std::uint64_t kBlockBits = 512;
constexpr unsigned kProbes = 6;
constexpr unsigned kProbeBits = 9;  // 2^9 bits in a block.

__extension__ using Wide = unsigned __int128;

}  // namespace

Filter::Filter(std::uint64_t ids_expected)
    : blocks_(
          std::max<std::uint64_t>(1, (ids_expected * kBitsPerId + kBlockBits - 1) / kBlockBits)) {}

Filter::Place Filter::place_of(ByteView id_prefix) const {
  REPRIEVE_ASSERT(id_prefix.size() >= 16);
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::memcpy(&first, id_prefix.data(), sizeof first);
  std::memcpy(&second, id_prefix.data() + sizeof first, sizeof second);
  // Ids are uniform already: scaling the first half picks a block, the second half the bits. The
  // leading byte weighs most, so sorted ids touch blocks in order.
  const auto block =
      static_cast<std::size_t>((Wide{__builtin_bswap64(first)} * blocks_.size()) >> 64);
  return {.block = block, .bits = second};
}

void Filter::add(ByteView id_prefix) {
  Place place = place_of(id_prefix);
  for (unsigned i = 0; i < kProbes; ++i, place.bits >>= kProbeBits) {
    const std::uint64_t bit = place.bits % kBlockBits;
    blocks_[place.block].words[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
}

bool Filter::may_have(ByteView id_prefix) const {
  Place place = place_of(id_prefix);
  const Block& block = blocks_[place.block];
  for (unsigned i = 0; i < kProbes; ++i, place.bits >>= kProbeBits) {
    const std::uint64_t bit = place.bits % kBlockBits;
    if ((block.words[bit / 64] >> (bit % 64) & 1) == 0) return false;
  }
  return true;
}

}  // namespace reprieve::repository
