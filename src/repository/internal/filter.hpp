#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/strong.hpp"

namespace reprieve::repository {

/// Tells of most chunk ids that they are not in a set: a Bloom filter of 64-byte blocks, ten bits
/// for each id, so that a question costs one cache line. About one in a hundred absent ids is taken
/// for present; none that was added for absent. Only the first 16 bytes of an id count. Reading is
/// thread-safe.
class Filter {
 public:
  explicit Filter(std::uint64_t ids_expected);
  void add(ByteView id_prefix);
  [[nodiscard]] bool may_have(ByteView id_prefix) const;

 private:
  struct alignas(64) Block {
    std::array<std::uint64_t, 8> words{};
  };
  struct Place {
    std::size_t block;
    std::uint64_t bits;
  };
  [[nodiscard]] Place place_of(ByteView id_prefix) const;
  std::vector<Block> blocks_;
};

}  // namespace reprieve::repository
