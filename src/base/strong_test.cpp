#include "base/strong.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

namespace reprieve {
namespace {

TEST(Strong, KeepsDistinctThingsApart) {
  static_assert(!std::is_convertible_v<ByteCount, ByteOffset>);
  static_assert(!std::is_constructible_v<ByteOffset, ByteCount>);
  static_assert(!std::is_convertible_v<ByteCount, std::uint64_t>);
  static_assert(!std::is_convertible_v<PackId, SnapshotId>);
  static_assert(!std::is_constructible_v<ChunkId, PackId>);
}

TEST(Strong, ComparesByValue) {
  EXPECT_LT(ByteCount{1}, ByteCount{2});
  EXPECT_EQ(ByteCount{}, ByteCount{0});
  EXPECT_LT((ByteRange{ByteOffset{1}, ByteCount{9}}), (ByteRange{ByteOffset{2}, ByteCount{0}}));
}

TEST(ObjectId, ReadsBackItsHexadecimal) {
  PackId id;
  id.bytes.front() = std::byte{0xab};
  id.bytes.back() = std::byte{0x01};
  const std::string text = id.hex();
  EXPECT_EQ(text.size(), 64U);
  EXPECT_EQ(PackId::from_hex(text), id);
}

TEST(ObjectId, RefusesAnythingButItsOwnLength) {
  const std::string text = PackId{}.hex();
  EXPECT_FALSE(PackId::from_hex(""));
  EXPECT_FALSE(PackId::from_hex(text.substr(2)));
  EXPECT_FALSE(PackId::from_hex(text + "00"));
  EXPECT_FALSE(PackId::from_hex("zz" + text.substr(2)));
}

TEST(ObjectId, IsHashedByItsFirstBytes) {
  ChunkId first;
  ChunkId second;
  second.bytes[0] = std::byte{1};
  EXPECT_NE(std::hash<ChunkId>{}(first), std::hash<ChunkId>{}(second));
  const std::unordered_set<ChunkId> ids = {first, second, first};
  EXPECT_EQ(ids.size(), 2U);
  EXPECT_TRUE(ids.contains(second));
}

}  // namespace
}  // namespace reprieve
