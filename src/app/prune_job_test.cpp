#include "app/prune_job.hpp"

#include <gtest/gtest.h>

namespace reprieve::app {
namespace {

TEST(PruneJob, TakesEveryCountOfAPolicy) {
  plan::Keep keep;
  keep.last = 1;
  keep.hourly = 2;
  keep.daily = 3;
  keep.weekly = 4;
  keep.monthly = 5;
  keep.yearly = 6;
  keep.within = std::chrono::hours{7};
  const repository::RetentionRule rule = rule_of(keep);
  EXPECT_EQ(rule.last, 1U);
  EXPECT_EQ(rule.hourly, 2U);
  EXPECT_EQ(rule.daily, 3U);
  EXPECT_EQ(rule.weekly, 4U);
  EXPECT_EQ(rule.monthly, 5U);
  EXPECT_EQ(rule.yearly, 6U);
  EXPECT_EQ(rule.within, std::chrono::hours{7});
  EXPECT_EQ(rule.min_age, std::chrono::hours{24});
}

TEST(PruneJob, APolicyThatKeepsNothingInParticularKeepsAll) {
  EXPECT_TRUE(rule_of(plan::Keep{}).is_empty());
}

}  // namespace
}  // namespace reprieve::app
