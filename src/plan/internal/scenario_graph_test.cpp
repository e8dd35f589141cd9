#include "plan/internal/scenario_graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/units.hpp"

namespace reprieve::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Step step(std::string id, std::vector<std::string> needs, std::string_view estimate = "0s") {
  Step out;
  out.id = std::move(id);
  for (std::string& need : needs)
    out.needs.push_back({std::move(need), {}});
  out.estimate = parse_duration(estimate);
  out.action = CheckStep{};
  return out;
}

TEST(ScenarioGraph, KnowsWhatComesBeforeBetweenAndAfter) {
  Scenario scenario;
  scenario.steps = {step("a", {}), step("b", {"a"}), step("c", {"b"}), step("d", {})};
  scenario.steps[1].action = ApproveStep{};
  const ScenarioGraph graph{scenario};
  EXPECT_TRUE(graph.has_before(2, StepType::kApprove));
  EXPECT_FALSE(graph.has_before(3, StepType::kApprove));
  EXPECT_TRUE(graph.has_between("a", 2, StepType::kApprove));
  EXPECT_FALSE(graph.has_between("b", 2, StepType::kApprove));
  EXPECT_THAT(graph.after(0), ElementsAre(1, 2));
  EXPECT_THAT(graph.after(3), IsEmpty());
}

TEST(ScenarioGraph, AddsUpTheLongestChain) {
  Scenario scenario;
  scenario.steps = {step("a", {}, "5m"), step("b", {}, "7m"), step("c", {"a", "b"}, "1m"),
                    step("d", {"a"}, "4m")};
  const auto [total, path] = ScenarioGraph{scenario}.critical_path();
  EXPECT_EQ(duration_text(total), "9m");
  EXPECT_THAT(path, ElementsAre(0, 3));
}

TEST(ScenarioGraph, ASumNeverOverflows) {
  Scenario scenario;
  scenario.steps.push_back(step("s0", {}, "36500d"));
  for (int i = 1; i < 300; ++i)
    scenario.steps.push_back(
        step("s" + std::to_string(i), {"s" + std::to_string(i - 1)}, "36500d"));
  EXPECT_EQ(ScenarioGraph{scenario}.critical_path().first, kDurationMax);
}

TEST(ScenarioGraph, OfNoStepsHasNoChain) {
  const Scenario scenario;
  EXPECT_THAT(ScenarioGraph{scenario}.critical_path().second, IsEmpty());
}

}  // namespace
}  // namespace reprieve::plan
