#include "recovery/kept_copy.hpp"

#include <gtest/gtest.h>

namespace reprieve::recovery {
namespace {

const Instant kSwitched = *parse_rfc3339("2026-11-20T12:00:00Z");

plan::Plan plan_that_keeps(std::optional<Duration> keep_old) {
  plan::Plan plan;
  plan::Step step;
  step.id = "swap";
  step.action = plan::SwitchStep{.of = {}, .keep_old = keep_old};
  plan::Scenario scenario;
  scenario.name = "lost";
  scenario.steps.push_back(step);
  plan.scenarios.push_back(scenario);
  return plan;
}

RunState switched_run() {
  ActState move;
  move.prior = Json{{"final_identity", "8:77"}};
  move.outputs = Json{{"old", "/srv/data.before-r1"}};
  RunState state;
  state.scenario = "lost";
  state.outcome = RunOutcome::kDone;
  StepRun& step = state.steps["swap"];
  step.state = StepState::kDone;
  step.ended = Moment{.at = kSwitched, .uptime = {}, .boot_id = {}};
  step.acts = {move};
  return state;
}

TEST(KeptCopies, AreKeptAsLongAsThePlanSays) {
  const auto copies = kept_copies(plan_that_keeps(std::chrono::hours{48}), switched_run());
  ASSERT_EQ(copies.size(), 1U);
  EXPECT_EQ(copies[0].path, "/srv/data.before-r1");
  EXPECT_EQ(copies[0].identity, "8:77");
  EXPECT_EQ(copies[0].until, *parse_rfc3339("2026-11-22T12:00:00Z"));
  EXPECT_FALSE(kept_copies(plan_that_keeps({}), switched_run()).at(0).until);
}

TEST(KeptCopies, OfAnOpenRunAreNotOfferedForTheUndoMayWantThem) {
  RunState state = switched_run();
  state.outcome.reset();
  EXPECT_TRUE(kept_copies(plan_that_keeps(std::chrono::hours{48}), state).empty());
}

TEST(KeptCopies, AreNoneOnceASwitchWasTakenBack) {
  RunState state = switched_run();
  state.steps["swap"].state = StepState::kUndone;
  EXPECT_TRUE(kept_copies(plan_that_keeps(std::chrono::hours{48}), state).empty());
}

TEST(KeptCopies, AreNoneWhereNothingHadBeen) {
  RunState state = switched_run();
  state.steps["swap"].acts[0].outputs = Json::object();
  EXPECT_TRUE(kept_copies(plan_that_keeps(std::chrono::hours{48}), state).empty());
}

}  // namespace
}  // namespace reprieve::recovery
