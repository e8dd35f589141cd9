#include "base/budget_cache.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace reprieve {
namespace {

using Cache = BudgetCache<int, std::string>;

/// Counts how often it is asked.
struct Loader {
  int loads = 0;
  Result<Cache::Loaded> operator()(const std::string& value, std::size_t size) {
    ++loads;
    return Cache::Loaded{std::make_shared<const std::string>(value), size};
  }
};

TEST(BudgetCache, LoadsWhatItHoldsOnce) {
  Cache cache{100};
  Loader loader;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(**cache.get(1, [&] { return loader("one", 10); }), "one");
  EXPECT_EQ(loader.loads, 1);
  EXPECT_TRUE(cache.has(1));
}

TEST(BudgetCache, DropsTheLeastRecentlyUsedBeyondItsBudget) {
  Cache cache{25};
  Loader loader;
  const auto want = [&](int key) { ASSERT_TRUE(cache.get(key, [&] { return loader("x", 10); })); };
  want(1);
  want(2);
  want(1);
  want(3);
  EXPECT_TRUE(cache.has(1));
  EXPECT_FALSE(cache.has(2));
  EXPECT_TRUE(cache.has(3));
}

TEST(BudgetCache, KeepsOneValueBeyondItsBudgetAlone) {
  Cache cache{5};
  Loader loader;
  ASSERT_TRUE(cache.get(1, [&] { return loader("large", 10); }));
  EXPECT_TRUE(cache.has(1));
  ASSERT_TRUE(cache.get(2, [&] { return loader("small", 1); }));
  EXPECT_FALSE(cache.has(1));
}

TEST(BudgetCache, DoesNotKeepAnError) {
  Cache cache{100};
  Loader loader;
  EXPECT_FALSE(cache.get(1, []() -> Result<Cache::Loaded> {
    return Error{ErrorKind::kTransient, "not now"};
  }));
  EXPECT_TRUE(cache.get(1, [&] { return loader("now", 1); }));
}

TEST(BudgetCache, LoadsOnceWhatManyThreadsWant) {
  Cache cache{100};
  std::atomic<int> loads = 0;
  constexpr int kThreads = 8;
  std::latch all{kThreads};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      all.arrive_and_wait();
      const auto got = cache.get(1, [&]() -> Result<Cache::Loaded> {
        ++loads;
        return Cache::Loaded{std::make_shared<const std::string>("one"), 1};
      });
      EXPECT_TRUE(got);
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(loads, 1);
}

}  // namespace
}  // namespace reprieve
