#include "repository/internal/frame_cache.hpp"

#include <gtest/gtest.h>

namespace reprieve::repository {
namespace {

FrameCache::Frame frame(std::size_t size) {
  return std::make_shared<const Bytes>(size);
}

TEST(FrameCache, DropsTheLeastRecentlyUsedFirst) {
  FrameCache cache{300};
  cache.put(1, frame(100));
  cache.put(2, frame(100));
  cache.put(3, frame(100));
  EXPECT_TRUE(cache.find(1));
  cache.put(4, frame(100));
  EXPECT_TRUE(cache.find(1));
  EXPECT_FALSE(cache.find(2));
  EXPECT_TRUE(cache.find(3));
  EXPECT_TRUE(cache.find(4));
}

TEST(FrameCache, KeepsAFrameBeyondTheBudgetAlone) {
  FrameCache cache{300};
  cache.put(1, frame(100));
  cache.put(2, frame(1000));
  EXPECT_FALSE(cache.find(1));
  EXPECT_TRUE(cache.find(2));
  cache.put(3, frame(10));
  EXPECT_FALSE(cache.find(2));
  EXPECT_TRUE(cache.find(3));
}

TEST(FrameCache, CountsAFrameThatComesTwiceOnce) {
  FrameCache cache{300};
  for (int i = 0; i < 10; ++i)
    cache.put(1, frame(200));
  cache.put(2, frame(100));
  EXPECT_TRUE(cache.find(1));
  EXPECT_TRUE(cache.find(2));
}

}  // namespace
}  // namespace reprieve::repository
