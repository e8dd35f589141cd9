#include "plan/model.hpp"

#include <gtest/gtest.h>

namespace reprieve::plan {
namespace {

bool fits(ParamType type, std::string_view value) {
  Param param;
  param.name = "p";
  param.type = type;
  return static_cast<bool>(check_param_value(param, value));
}

TEST(ParamValue, MustBeOfItsType) {
  EXPECT_TRUE(fits(ParamType::kString, ""));
  EXPECT_TRUE(fits(ParamType::kInteger, "-12"));
  EXPECT_FALSE(fits(ParamType::kInteger, "12a"));
  EXPECT_FALSE(fits(ParamType::kInteger, ""));
  EXPECT_TRUE(fits(ParamType::kBoolean, "false"));
  EXPECT_FALSE(fits(ParamType::kBoolean, "no"));
  EXPECT_TRUE(fits(ParamType::kDuration, "5m"));
  EXPECT_FALSE(fits(ParamType::kDuration, "5"));
  EXPECT_TRUE(fits(ParamType::kSize, "5GiB"));
  EXPECT_FALSE(fits(ParamType::kSize, "5"));
  EXPECT_TRUE(fits(ParamType::kTime, "2026-11-20T03:00:00Z"));
  EXPECT_FALSE(fits(ParamType::kTime, "2026-11-20T03:00:00"));
  EXPECT_TRUE(fits(ParamType::kRecoveryPoint, "latest"));
  EXPECT_FALSE(fits(ParamType::kRecoveryPoint, "last week"));
}

TEST(ParamValue, SaysWhatItWanted) {
  Param param;
  param.name = "wait";
  param.type = ParamType::kDuration;
  const auto result = check_param_value(param, "5");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(result.error().what,
            "parameter wait: expected a duration such as 30s, 5m or 1d, found \"5\"");
}

TEST(Plan, FindsByNameOrNotAtAll) {
  Plan plan;
  plan.services.resize(2);
  plan.services[0].name = "db";
  plan.services[1].name = "web";
  EXPECT_EQ(plan.find_service("web"), &plan.services[1]);
  EXPECT_EQ(plan.find_service("mail"), nullptr);
}

}  // namespace
}  // namespace reprieve::plan
