#include "repository/internal/parity.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.hpp"

namespace reprieve::repository {
namespace {

Bytes random_shards(const ShardGeometry& geometry, SeededRandom& random) {
  Bytes shards(geometry.body_bytes() + geometry.parity_bytes());
  random.fill(MutableByteView{shards}.first(geometry.body_bytes()));
  encode_parity(geometry, ByteView{shards}.first(geometry.body_bytes()),
                MutableByteView{shards}.subspan(geometry.body_bytes()));
  return shards;
}

void lose(const ShardGeometry& geometry, Bytes& shards, std::span<const std::uint16_t> bad) {
  for (const std::uint16_t i : bad)
    std::fill_n(shards.begin() + static_cast<std::ptrdiff_t>(i * geometry.shard_bytes),
                geometry.shard_bytes, std::byte{0x5a});
}

TEST(ShardGeometry, CutsABodyIntoAtMost64ShardsOfWhole4KiB) {
  EXPECT_EQ(shard_geometry(1), (ShardGeometry{4096, 1, 2}));
  EXPECT_EQ(shard_geometry(4096), (ShardGeometry{4096, 1, 2}));
  EXPECT_EQ(shard_geometry(4097), (ShardGeometry{4096, 2, 2}));
  EXPECT_EQ(shard_geometry(64 * 4096), (ShardGeometry{4096, 64, 4}));
  EXPECT_EQ(shard_geometry(64 * 4096 + 1), (ShardGeometry{8192, 33, 3}));
  EXPECT_EQ(shard_geometry(kPackBodyMax), (ShardGeometry{512 * 1024, 64, 4}));
}

TEST(ShardGeometry, CoversTheBodyAndLeavesNoShardEmpty) {
  SeededRandom random{7};
  for (int i = 0; i < 2000; ++i) {
    const auto used = static_cast<std::uint32_t>(random.next() % kPackBodyMax + 1);
    const ShardGeometry geometry = shard_geometry(used);
    EXPECT_GE(geometry.body_bytes(), used);
    EXPECT_LT(geometry.body_bytes() - used, geometry.shard_bytes);
    EXPECT_LE(geometry.data, kDataShardsMax);
    EXPECT_LE(geometry.body_bytes(), kPackBodyMax);
  }
}

TEST(Parity, BringsBackEveryCombinationOfUpToTwoLostShardsOfSmallPacks) {
  SeededRandom random{1};
  for (std::uint16_t k = 1; k <= 8; ++k) {
    const ShardGeometry geometry{64, k, 2};
    const Bytes whole = random_shards(geometry, random);
    for (std::uint16_t a = 0; a < geometry.shards(); ++a) {
      for (std::uint16_t b = a; b < geometry.shards(); ++b) {
        std::vector<std::uint16_t> bad{a};
        if (b != a) bad.push_back(b);
        Bytes shards = whole;
        lose(geometry, shards, bad);
        ASSERT_TRUE(heal_shards(geometry, shards, bad));
        ASSERT_EQ(shards, whole) << k << ": " << a << ", " << b;
      }
    }
  }
}

TEST(Parity, BringsBackRandomLossesOfTheLargestPacks) {
  SeededRandom random{2};
  const ShardGeometry geometry{64, 64, 4};
  const Bytes whole = random_shards(geometry, random);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::uint16_t> bad;
    while (bad.size() < 4) {
      const auto i = static_cast<std::uint16_t>(random.next() % geometry.shards());
      if (!std::ranges::binary_search(bad, i)) bad.insert(std::ranges::lower_bound(bad, i), i);
    }
    Bytes shards = whole;
    lose(geometry, shards, bad);
    ASSERT_TRUE(heal_shards(geometry, shards, bad));
    ASSERT_EQ(shards, whole);
  }
}

TEST(Parity, RefusesMoreLossesThanItCanBringBack) {
  SeededRandom random{3};
  const ShardGeometry geometry{64, 5, 2};
  Bytes shards = random_shards(geometry, random);
  const std::vector<std::uint16_t> bad{0, 1, 2};
  const auto healed = heal_shards(geometry, shards, bad);
  ASSERT_FALSE(healed);
  EXPECT_EQ(healed.error().kind, ErrorKind::kCorrupt);
}

TEST(Parity, LeavesWholeShardsAlone) {
  SeededRandom random{4};
  const ShardGeometry geometry{64, 3, 2};
  Bytes shards = random_shards(geometry, random);
  const Bytes whole = shards;
  ASSERT_TRUE(heal_shards(geometry, shards, {}));
  EXPECT_EQ(shards, whole);
}

}  // namespace
}  // namespace reprieve::repository
