#include "storage/rate_limit.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

TEST(RateLimit, LetsNoMoreThroughThanItsRateOverTime) {
  ManualClock clock{Instant{}};
  RateLimit limit{1000, clock};
  for (int i = 0; i < 11; ++i)
    ASSERT_TRUE(limit.take(500));
  // The last one is not paid for yet.
  EXPECT_EQ(clock.uptime(), std::chrono::seconds{5});
}

TEST(RateLimit, WaitsForNothingWithoutALimit) {
  ManualClock clock{Instant{}};
  RateLimit limit{0, clock};
  ASSERT_TRUE(limit.take(1U << 30U));
  ASSERT_TRUE(limit.take(1U << 30U));
  EXPECT_EQ(clock.uptime(), Duration{0});
}

TEST(RateLimit, StopsAtTheUsersWish) {
  ManualClock clock{Instant{}};
  CancelToken cancel;
  RateLimit limit{1, clock, &cancel};
  ASSERT_TRUE(limit.take(1000));
  cancel.request();
  EXPECT_EQ(limit.take(1).error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace reprieve
