#include "repository/internal/known_set.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/random.hpp"
#include "crypto/crypto.hpp"

namespace reprieve::repository {
namespace {

TEST(KnownSet, BehavesLikeASet) {
  SeededRandom random{1};
  KnownSet known;
  std::set<ChunkId> model;
  std::vector<ChunkId> ids;
  for (int i = 0; i < 3000; ++i) {
    ChunkId id{crypto::random_array<32>(random)};
    // Few shards and few home places, so that runs of neighbours form and break.
    id.bytes[8] = std::byte{static_cast<unsigned char>(i % 2)};
    for (std::size_t at = 1; at < 8; ++at)
      id.bytes[at] = std::byte{0};
    ids.push_back(id);
  }
  for (int step = 0; step < 20000; ++step) {
    const ChunkId& id = ids[random.next() % ids.size()];
    if (random.next() % 3 == 0) {
      known.erase(id);
      model.erase(id);
    } else {
      EXPECT_EQ(known.insert(id), model.insert(id).second);
    }
  }
  for (const ChunkId& id : ids)
    EXPECT_EQ(known.contains(id), model.contains(id));
}

TEST(KnownSet, TakesAnIdOfZeros) {
  KnownSet known;
  EXPECT_FALSE(known.contains(ChunkId{}));
  EXPECT_TRUE(known.insert(ChunkId{}));
  EXPECT_FALSE(known.insert(ChunkId{}));
  EXPECT_TRUE(known.contains(ChunkId{}));
}

}  // namespace
}  // namespace reprieve::repository
