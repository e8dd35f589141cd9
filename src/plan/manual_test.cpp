#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "plan/lint.hpp"
#include "plan/parse.hpp"

namespace reprieve::plan {
namespace {

/// The first YAML block of docs/plan.md, whose path the build hands in.
std::string plan_of_the_manual() {
  std::ifstream file{REPRIEVE_MANUAL};
  std::stringstream text;
  text << file.rdbuf();
  const std::string manual = text.str();
  const std::string fence = "```yaml\n";
  const std::size_t start = manual.find(fence);
  if (start == manual.npos) return {};
  const std::size_t begin = start + fence.size();
  return manual.substr(begin, manual.find("```", begin) - begin);
}

TEST(Manual, ItsPlanIsAPlan) {
  const auto parsed = parse_plan(as_bytes(plan_of_the_manual()));
  for (const Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  ASSERT_TRUE(parsed.plan);
  EXPECT_EQ(parsed.plan->name, "shop");
  const Scenario* scenario = parsed.plan->find_scenario("data-corruption");
  ASSERT_NE(scenario, nullptr);
  EXPECT_EQ(scenario->steps.size(), 7U);
}

TEST(Manual, ItsPlanKeepsItsPromises) {
  const auto parsed = parse_plan(as_bytes(plan_of_the_manual()));
  ASSERT_TRUE(parsed.plan);
  for (const Finding& finding : lint(*parsed.plan))
    ADD_FAILURE() << finding.at.line << ": " << finding.rule << ": " << finding.reason;
}

}  // namespace
}  // namespace reprieve::plan
