#include "repository/internal/bad_sectors.hpp"

#include <gtest/gtest.h>

#include "storage/memory/memory_store.hpp"

namespace reprieve::repository {
namespace {

/// A disk whose bytes in [bad_begin, bad_end) cannot be read.
class BadDisk : public MemoryStore {
 public:
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override {
    const std::size_t begin = range.offset.value;
    if (begin < bad_end && begin + range.length.value > bad_begin)
      return Error{ErrorKind::kCorrupt, "input/output error"};
    return MemoryStore::get(key, range);
  }
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override {
    if (bad_begin < bad_end) return Error{ErrorKind::kCorrupt, "input/output error"};
    return MemoryStore::get(key, size_max);
  }
  std::size_t bad_begin = 0;
  std::size_t bad_end = 0;
};

TEST(BadSectors, AreReadAsZerosAndAllElseAsItIs) {
  BadDisk disk;
  const Bytes body(300'000, std::byte{9});
  ASSERT_TRUE(disk.put("pack/a", body));
  disk.bad_begin = 270'000;
  disk.bad_end = 270'600;
  const auto read = read_around_bad_sectors(disk, "pack/a", ByteCount{1'000'000});
  ASSERT_TRUE(read);
  for (std::size_t i = 0; i < body.size(); ++i) {
    const std::size_t sector = i / 4096 * 4096;
    const bool is_bad = sector < disk.bad_end && sector + 4096 > disk.bad_begin;
    ASSERT_EQ((*read)[i], is_bad ? std::byte{0} : std::byte{9}) << i;
  }
}

TEST(BadSectors, DoNotHideOtherErrors) {
  BadDisk disk;
  auto read = read_around_bad_sectors(disk, "pack/a", ByteCount{10});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(disk.put("pack/a", Bytes(100)));
  read = read_around_bad_sectors(disk, "pack/a", ByteCount{10});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kExhausted);
  disk.bad_end = 1;
  read = read_around_bad_sectors(disk, "pack/a", ByteCount{10});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kExhausted);
}

}  // namespace
}  // namespace reprieve::repository
