#pragma once

#include <vector>

#include "base/random.hpp"
#include "repository/internal/index.hpp"

namespace reprieve::repository {

/// For tests: packs of made-up contents that depend on nothing but the seed.
inline std::vector<PackContents> make_packs(std::uint64_t seed, std::size_t count,
                                            std::size_t chunks) {
  SeededRandom random{seed};
  std::vector<PackContents> packs(count);
  for (PackContents& pack : packs) {
    pack.id = PackId{crypto::random_array<32>(random)};
    pack.label.resize(100);
    random.fill(pack.label);
    pack.keys.push_back({.ephemeral = {}, .epoch = 1, .commitment = {}});
    pack.object_bytes = 1'000'000;
    for (std::uint32_t i = 0; i < 4; ++i) {
      pack.frames.push_back({.offset = i * 5000,
                             .sealed_length = 5000,
                             .raw_length = 8000,
                             .codec = Codec::kZstd,
                             .key = 0,
                             .salt = crypto::random_array<16>(random)});
    }
    for (std::uint32_t i = 0; i < chunks; ++i) {
      pack.chunks.push_back({.id = ChunkId{crypto::random_array<32>(random)},
                             .type = ChunkType::kData,
                             .frame = i % 4,
                             .offset = i % 70,
                             .length = 100 + i % 7,
                             .children = {}});
    }
  }
  return packs;
}

}  // namespace reprieve::repository
