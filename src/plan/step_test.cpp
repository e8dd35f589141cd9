#include "plan/step.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace reprieve::plan {
namespace {

TEST(StepType, NamesReadBack) {
  for (std::size_t i = 0; i < kStepTypeCount; ++i) {
    const auto type = static_cast<StepType>(i);
    EXPECT_EQ(step_type_of(name_of(type)), type);
  }
  EXPECT_EQ(step_type_of("dns.update"), std::nullopt);
}

TEST(StepType, IsTheAlternativeOfTheAction) {
  Step step;
  step.action = StopStep{};
  EXPECT_EQ(step.type(), StepType::kStop);
  step.action = DbRestoreStep{};
  EXPECT_EQ(step.type(), StepType::kDbRestore);
  step.action = ApproveStep{};
  EXPECT_EQ(step.type(), StepType::kApprove);
}

TEST(StepType, OnlyRestoresHaveATarget) {
  for (std::size_t i = 0; i < kStepTypeCount; ++i) {
    const auto type = static_cast<StepType>(i);
    const bool is_restore = type == StepType::kFilesRestore || type == StepType::kDbRestore;
    EXPECT_EQ(std::ranges::count(outputs_of(type), std::string_view{"target"}), is_restore ? 1 : 0);
  }
}

TEST(Point, ReadsEveryForm) {
  using Kind = PointExpression::Kind;
  EXPECT_EQ(parse_point("latest")->kind, Kind::kLatest);
  EXPECT_EQ(parse_point("latest-verified")->kind, Kind::kLatestVerified);
  const auto time = parse_point("2026-11-20T03:00:00Z");
  EXPECT_EQ(time->kind, Kind::kTime);
  EXPECT_EQ(format_rfc3339(time->time), "2026-11-20T03:00:00Z");
  const auto before = parse_point("before 2026-11-20 03:00:00Z");
  EXPECT_EQ(before->kind, Kind::kBefore);
  EXPECT_EQ(before->time, time->time);
  const auto named = parse_point("pre-release");
  EXPECT_EQ(named->kind, Kind::kNamed);
  EXPECT_EQ(named->name, "pre-release");
}

TEST(Point, RefusesWhatCannotNameOne) {
  for (const auto* text : {"", "before lunch", "last clean", "before ", "a\nb"})
    EXPECT_FALSE(parse_point(text)) << text;
  EXPECT_FALSE(parse_point(std::string(300, 'a')));
}

}  // namespace
}  // namespace reprieve::plan
