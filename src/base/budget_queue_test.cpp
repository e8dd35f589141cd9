#include "base/budget_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

namespace reprieve {
namespace {

TEST(BudgetQueue, HandsElementsOutInTheirOrder) {
  BudgetQueue<int> queue{100};
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(queue.push(i, 10));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(queue.pop(), i);
}

TEST(BudgetQueue, MovesWhatCannotBeCopied) {
  BudgetQueue<std::unique_ptr<int>> queue{8};
  ASSERT_TRUE(queue.push(std::make_unique<int>(3), 8));
  const auto taken = queue.pop();
  ASSERT_TRUE(taken);
  EXPECT_EQ(**taken, 3);
}

TEST(BudgetQueue, LetsAnElementLargerThanItsBudgetInAlone) {
  BudgetQueue<int> queue{10};
  ASSERT_TRUE(queue.push(1, 1'000));
  EXPECT_EQ(queue.pop(), 1);
  ASSERT_TRUE(queue.push(2, 5));
  EXPECT_EQ(queue.pop(), 2);
}

TEST(BudgetQueue, DrainsAfterItIsClosedAndTakesNoMore) {
  BudgetQueue<int> queue{100};
  ASSERT_TRUE(queue.push(1, 1));
  queue.close();
  EXPECT_FALSE(queue.push(2, 1));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BudgetQueue, MakesAProducerWaitUntilThereIsRoom) {
  BudgetQueue<int> queue{10};
  std::atomic<bool> is_second_in = false;
  ASSERT_TRUE(queue.push(1, 8));
  std::jthread producer{[&] {
    EXPECT_TRUE(queue.push(2, 8));
    is_second_in = true;
  }};
  // A wrong queue would mostly let it in meanwhile; a right one never does.
  for (int i = 0; i < 1'000; ++i)
    std::this_thread::yield();
  EXPECT_FALSE(is_second_in);
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
  producer.join();
  EXPECT_TRUE(is_second_in);
}

TEST(BudgetQueue, WakesWaitingProducersWhenItIsClosed) {
  BudgetQueue<int> queue{1};
  ASSERT_TRUE(queue.push(0, 1));
  std::atomic<int> refused = 0;
  std::vector<std::jthread> producers;
  for (int i = 0; i < 3; ++i)
    producers.emplace_back([&] { refused += queue.push(1, 1) ? 0 : 1; });
  queue.close();
  producers.clear();
  EXPECT_EQ(refused, 3);
}

TEST(BudgetQueue, WakesWaitingConsumersWhenItIsClosed) {
  BudgetQueue<int> queue{1};
  std::atomic<int> empty_handed = 0;
  std::vector<std::jthread> consumers;
  for (int i = 0; i < 3; ++i)
    consumers.emplace_back([&] { empty_handed += queue.pop() ? 0 : 1; });
  queue.close();
  consumers.clear();
  EXPECT_EQ(empty_handed, 3);
}

TEST(BudgetQueue, HoldsNoMoreThanItsBudgetBetweenManyThreads) {
  constexpr std::size_t kBudget = 64;
  constexpr int kPerProducer = 500;
  BudgetQueue<std::size_t> queue{kBudget};
  std::atomic<std::int64_t> popped_sum = 0;
  std::atomic<int> popped_count = 0;
  std::vector<std::jthread> consumers;
  for (int c = 0; c < 3; ++c)
    consumers.emplace_back([&] {
      while (const auto size = queue.pop()) {
        popped_sum += static_cast<std::int64_t>(*size);
        ++popped_count;
      }
    });
  std::atomic<std::int64_t> pushed_sum = 0;
  std::vector<std::jthread> producers;
  for (int p = 0; p < 3; ++p)
    producers.emplace_back([&, p] {
      for (int i = 0; i < kPerProducer; ++i) {
        const auto size = static_cast<std::size_t>((i * 7 + p) % 80);  // Some exceed the budget.
        pushed_sum += static_cast<std::int64_t>(size);
        EXPECT_TRUE(queue.push(size, size));
        // What is pushed and not popped is in the queue, but for one element in each thread's
        // hands.
        EXPECT_LE(pushed_sum - popped_sum, static_cast<std::int64_t>(kBudget) + 7 * 80);
      }
    });
  producers.clear();
  queue.close();
  consumers.clear();
  EXPECT_EQ(popped_count, 3 * kPerProducer);
  EXPECT_EQ(popped_sum, pushed_sum);
}

}  // namespace
}  // namespace reprieve
