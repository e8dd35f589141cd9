#include "repository/chunker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"

namespace reprieve::repository {
namespace {

std::array<std::uint64_t, 256> test_gear() {
  SeededRandom random{11};
  std::array<std::uint64_t, 256> gear{};
  for (std::uint64_t& word : gear)
    word = random.next();
  return gear;
}

constexpr ChunkerParameters kSmall{256, 1024, 4096, 512};

std::vector<std::size_t> cut_all(const Chunker& chunker, ByteView bytes) {
  std::vector<std::size_t> lengths;
  while (!bytes.empty()) {
    lengths.push_back(chunker.next_cut(bytes));
    bytes = bytes.subspan(lengths.back());
  }
  return lengths;
}

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  SeededRandom{seed}.fill(bytes);
  return bytes;
}

/// The definition, byte by byte.
std::size_t reference_cut(const std::array<std::uint64_t, 256>& gear, const ChunkerParameters& p,
                          ByteView bytes) {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == p.max_bytes) return i;
    if (i + 64 < p.min_bytes) continue;
    hash = (hash << 1) + gear[std::to_integer<std::size_t>(bytes[i])];
    if (i < p.min_bytes) continue;
    if ((hash >> (i < p.average_bytes ? 42 : 46)) == 0) return i + 1;
  }
  return bytes.size();
}

TEST(Chunker, CutsWhereTheFormatSays) {
  const auto gear = test_gear();
  const ChunkerParameters parameters{64 * 1024, 256 * 1024, 1024 * 1024, 32 * 1024};
  const Chunker chunker{gear, parameters};
  const Bytes bytes = random_bytes(6 * 1024 * 1024, 3);
  ByteView rest = bytes;
  std::set<std::size_t> lengths;
  while (!rest.empty()) {
    const std::size_t cut = chunker.next_cut(rest);
    ASSERT_EQ(cut, reference_cut(gear, parameters, rest));
    lengths.insert(cut);
    rest = rest.subspan(cut);
  }
  EXPECT_GT(lengths.size(), 3U);
}

TEST(Chunker, KeepsContentShorterThanTheMinimumWhole) {
  const Chunker chunker{test_gear(), kSmall};
  EXPECT_EQ(chunker.next_cut(random_bytes(1, 1)), 1U);
  EXPECT_EQ(chunker.next_cut(random_bytes(256, 1)), 256U);
}

TEST(Chunker, CutsContentWithoutAnyCutPointAtTheMaximum) {
  std::array<std::uint64_t, 256> gear{};
  gear.fill(~std::uint64_t{0} / 2 + 1);  // The top bit is set after every byte.
  const Chunker chunker{gear, kSmall};
  EXPECT_EQ(cut_all(chunker, random_bytes(9000, 1)), (std::vector<std::size_t>{4096, 4096, 808}));
}

TEST(Chunker, FindsItsCutsAgainAfterAnInsertion) {
  const ChunkerParameters parameters{4096, 16384, 65536, 4096};
  std::array<std::uint64_t, 256> gear = test_gear();
  // Wider bounds than the format's fixed masks would give cuts too rarely here: thin the table.
  for (std::uint64_t& word : gear)
    word &= 0x000003ffffffffffULL << 12;
  const Chunker chunker{gear, parameters};
  const Bytes before = random_bytes(4 * 1024 * 1024, 5);
  Bytes after = random_bytes(100, 6);
  after.insert(after.end(), before.begin(), before.end());
  const auto chunks = [&](const Bytes& bytes) {
    std::set<std::string> out;
    ByteView rest = bytes;
    while (!rest.empty()) {
      const std::size_t cut = chunker.next_cut(rest);
      out.insert(std::string{as_text(rest.first(cut))});
      rest = rest.subspan(cut);
    }
    return out;
  };
  const auto old_chunks = chunks(before);
  std::size_t missing = 0;
  for (const std::string& chunk : chunks(after))
    missing += old_chunks.contains(chunk) ? 0U : 1U;
  EXPECT_GT(old_chunks.size(), 60U);
  EXPECT_LE(missing, 12U);
}

TEST(Chunker, CutsDifferentlyUnderAnotherKey) {
  auto other = test_gear();
  std::ranges::reverse(other);
  const ChunkerParameters parameters{64 * 1024, 256 * 1024, 1024 * 1024, 32 * 1024};
  const Bytes bytes = random_bytes(4 * 1024 * 1024, 9);
  EXPECT_NE(cut_all(Chunker{test_gear(), parameters}, bytes),
            cut_all(Chunker{other, parameters}, bytes));
}

}  // namespace
}  // namespace reprieve::repository
