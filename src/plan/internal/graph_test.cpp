#include "plan/internal/graph.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace reprieve::plan {
namespace {

TEST(Graph, WithoutCycleHasNone) {
  EXPECT_TRUE(find_cycle({}).empty());
  EXPECT_TRUE(find_cycle({{1, 2}, {2}, {}}).empty());
}

TEST(Graph, NamesTheNodesOfACycleInOrder) {
  EXPECT_EQ(find_cycle({{0}}), (std::vector<std::size_t>{0}));
  EXPECT_EQ(find_cycle({{}, {2}, {3}, {1}}), (std::vector<std::size_t>{1, 2, 3}));
  // Only the cycle, not the way to it.
  EXPECT_EQ(find_cycle({{1}, {2}, {1}}), (std::vector<std::size_t>{1, 2}));
}

TEST(Graph, FindsAllAncestors) {
  const auto ancestors = ancestors_of({{}, {0}, {0}, {1, 2}});
  EXPECT_TRUE(ancestors[0].none());
  EXPECT_TRUE(ancestors[1][0]);
  EXPECT_FALSE(ancestors[1][2]);
  EXPECT_EQ(ancestors[3].count(), 3U);
}

TEST(Graph, StandsALongChain) {
  Graph chain(kSectionEntriesMax);
  for (std::size_t i = 1; i < chain.size(); ++i)
    chain[i] = {i - 1};
  std::ranges::reverse(chain);
  for (auto& needed : chain)
    for (auto& node : needed)
      node = chain.size() - 1 - node;
  EXPECT_TRUE(find_cycle(chain).empty());
  EXPECT_EQ(ancestors_of(chain)[0].count(), kSectionEntriesMax - 1);
}

}  // namespace
}  // namespace reprieve::plan
