#include "base/assert.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

TEST(AssertDeathTest, StopsTheProgramAndNamesTheCondition) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const int packs = 3;
  EXPECT_DEATH(REPRIEVE_ASSERT(packs == 4), "internal error: .*assert_test.cpp:.*packs == 4");
}

TEST(Assert, EvaluatesItsConditionOnceAndGoesOn) {
  int evaluated = 0;
  REPRIEVE_ASSERT(++evaluated > 0);
  EXPECT_EQ(evaluated, 1);
}

}  // namespace
}  // namespace reprieve
