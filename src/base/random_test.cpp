#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

namespace reprieve {
namespace {

TEST(SystemRandom, FillsEveryByteAndNeverRepeats) {
  Bytes first(4096, std::byte{0});
  Bytes second(4096, std::byte{0});
  system_random().fill(first);
  system_random().fill(second);
  EXPECT_NE(first, second);
  // Of 4096 random bytes about 16 are zero; 200 would mean that some were left as they were.
  EXPECT_LT(std::ranges::count(first, std::byte{0}), 200);
  system_random().fill({});
}

TEST(SeededRandom, IsTheSameStreamForTheSameSeed) {
  SeededRandom first{42};
  SeededRandom second{42};
  SeededRandom other{43};
  const std::uint64_t value = first.next();
  EXPECT_EQ(value, second.next());
  EXPECT_NE(value, other.next());
}

TEST(SeededRandom, IsSplitmix64) {
  SeededRandom random{0};
  EXPECT_EQ(random.next(), 0xe220a8397b1dcdafU);
  EXPECT_EQ(random.next(), 0x6e789e6aa1b965f4U);
}

TEST(SeededRandom, FillsLengthsThatAreNoMultipleOfItsWord) {
  for (const std::size_t length : {0U, 1U, 7U, 8U, 9U, 31U}) {
    SeededRandom random{7};
    Bytes bytes(length + 1, std::byte{0xaa});
    random.fill(MutableByteView{bytes}.first(length));
    EXPECT_EQ(bytes[length], std::byte{0xaa}) << length;
    SeededRandom again{7};
    Bytes same(length);
    again.fill(same);
    EXPECT_TRUE(std::ranges::equal(same, ByteView{bytes}.first(length))) << length;
  }
}

TEST(SeededRandom, GivesThreadsDistinctValues) {
  SeededRandom random{1};
  std::vector<std::vector<std::uint64_t>> seen(4);
  std::vector<std::jthread> threads;
  threads.reserve(seen.size());
  for (auto& mine : seen)
    threads.emplace_back([&mine, &random] {
      for (int i = 0; i < 500; ++i)
        mine.push_back(random.next());
    });
  threads.clear();
  std::set<std::uint64_t> all;
  for (const auto& mine : seen)
    all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 2'000U);
}

}  // namespace
}  // namespace reprieve
