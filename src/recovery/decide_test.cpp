#include "recovery/decide.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprieve::recovery {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

plan::Step step(const std::string& id, const std::vector<std::string>& needs) {
  plan::Step step;
  step.id = id;
  step.action = plan::RunStep{};
  step.step_class = plan::StepClass::kChange;
  for (const std::string& need : needs)
    step.needs.push_back({.text = need, .at = {}});
  return step;
}

/// a, then b and c side by side, then d.
plan::Scenario diamond() {
  plan::Scenario scenario;
  scenario.steps = {step("a", {}), step("b", {"a"}), step("c", {"a"}), step("d", {"b", "c"})};
  return scenario;
}

Moment at_second(int second) {
  return {.at = Instant{second * 1'000'000'000LL},
          .uptime = std::chrono::seconds{second},
          .boot_id = "boot"};
}

void end(RunState& state, const std::string& id, StepState ended, int second = 0) {
  StepRun& run = state.steps[id];
  run.state = ended;
  run.generation = run.retry_base + 1;
  run.ended = at_second(second);
  run.end_order = ++state.ends;
  ActState act;
  act.phase = ended == StepState::kDone ? ActState::Phase::kDone : ActState::Phase::kFailed;
  run.acts = {act};
}

std::vector<std::string> started(const Decisions& decisions) {
  std::vector<std::string> ids;
  for (const Decision& decision : decisions.now)
    if (decision.kind == Decision::Kind::kStart) ids.push_back(decision.step);
  return ids;
}

TEST(Decide, StartsWhatNeedsNothing) {
  EXPECT_THAT(started(decide(diamond(), {}, at_second(0))), ElementsAre("a"));
}

TEST(Decide, StartsBranchesSideBySide) {
  RunState state;
  end(state, "a", StepState::kDone);

  EXPECT_THAT(started(decide(diamond(), state, at_second(0))), ElementsAre("b", "c"));
}

TEST(Decide, WaitsForAllThatAStepNeeds) {
  RunState state;
  end(state, "a", StepState::kDone);
  end(state, "b", StepState::kDone);
  state.steps["c"].state = StepState::kRunning;

  EXPECT_THAT(decide(diamond(), state, at_second(0)).now, IsEmpty());
}

TEST(Decide, CountsASkippedStepAsOver) {
  RunState state;
  end(state, "a", StepState::kSkipped);

  EXPECT_THAT(started(decide(diamond(), state, at_second(0))), ElementsAre("b", "c"));
}

TEST(Decide, TriesAgainOnlyAfterTheDelay) {
  plan::Scenario scenario = diamond();
  scenario.steps[0].retry = {.times = 1, .delay = std::chrono::seconds{5}};
  RunState state;
  end(state, "a", StepState::kFailed, 10);

  const Decisions early = decide(scenario, state, at_second(12));
  EXPECT_THAT(early.now, IsEmpty());
  EXPECT_EQ(early.wake_at, std::chrono::seconds{15});
  EXPECT_THAT(started(decide(scenario, state, at_second(15))), ElementsAre("a"));
}

TEST(Decide, EndsInFailureOnceNothingCanGoOn) {
  RunState state;
  end(state, "a", StepState::kFailed);
  state.steps["a"].error = "no disk";

  const Decisions decisions = decide(diamond(), state, at_second(0));

  ASSERT_EQ(decisions.now.size(), 1U);
  EXPECT_EQ(decisions.now[0].kind, Decision::Kind::kFinish);
  EXPECT_EQ(decisions.now[0].outcome, RunOutcome::kFailed);
  EXPECT_EQ(decisions.now[0].text, "a: no disk");
}

TEST(Decide, GoesOnPastAFailureThatThePlanTolerates) {
  plan::Scenario scenario = diamond();
  scenario.steps[0].on_fail = plan::OnFail::kContinue;
  RunState state;
  end(state, "a", StepState::kFailed);

  EXPECT_THAT(started(decide(scenario, state, at_second(0))), ElementsAre("b", "c"));
}

TEST(Decide, ADestructiveFailureStopsTheOtherBranchesToo) {
  plan::Scenario scenario = diamond();
  scenario.steps[1].step_class = plan::StepClass::kDestructive;
  RunState state;
  end(state, "a", StepState::kDone);
  end(state, "b", StepState::kFailed);

  const Decisions decisions = decide(scenario, state, at_second(0));

  EXPECT_THAT(started(decisions), IsEmpty());
  EXPECT_EQ(decisions.now.at(0).kind, Decision::Kind::kFinish);
}

TEST(Decide, AsksOnceAndThenWaits) {
  plan::Scenario scenario = diamond();
  scenario.steps[0].on_fail = plan::OnFail::kAsk;
  RunState state;
  end(state, "a", StepState::kFailed);

  EXPECT_EQ(decide(scenario, state, at_second(0)).now.at(0).kind, Decision::Kind::kAsk);
  state.steps["a"].is_asked = true;
  const Decisions later = decide(scenario, state, at_second(0));
  EXPECT_THAT(later.now, IsEmpty());
  EXPECT_TRUE(later.waits_for_person);
}

TEST(Decide, AnAbortedRunBeginsNothingAndEndsWhenNothingRuns) {
  RunState state;
  state.is_aborted = true;
  state.steps["a"].state = StepState::kRunning;
  EXPECT_THAT(decide(diamond(), state, at_second(0)).now, IsEmpty());

  end(state, "a", StepState::kDone);
  EXPECT_EQ(decide(diamond(), state, at_second(0)).now.at(0).outcome, RunOutcome::kFailed);
}

TEST(Decide, RollsBackWhenThePlanSaysSo) {
  plan::Scenario scenario = diamond();
  scenario.steps[1].on_fail = plan::OnFail::kRollback;
  RunState state;
  end(state, "a", StepState::kDone);
  end(state, "b", StepState::kFailed);

  const Decisions decisions = decide(scenario, state, at_second(0));

  ASSERT_EQ(decisions.now.size(), 1U);
  EXPECT_EQ(decisions.now[0].kind, Decision::Kind::kRollBack);
}

TEST(Decide, NeverRollsBackByItselfAfterWritersWereLetIn) {
  plan::Scenario scenario = diamond();
  scenario.steps[0].action = plan::StartStep{};
  scenario.steps[1].on_fail = plan::OnFail::kRollback;
  RunState state;
  end(state, "a", StepState::kDone);
  end(state, "c", StepState::kDone);
  end(state, "b", StepState::kFailed);

  const Decisions decisions = decide(scenario, state, at_second(0));

  ASSERT_EQ(decisions.now.size(), 1U);
  EXPECT_EQ(decisions.now[0].kind, Decision::Kind::kAsk);
  EXPECT_THAT(decisions.now[0].text, HasSubstr("would lose that"));
}

TEST(Decide, UndoesTheNewestStepFirstAndStopsAtOneWithoutUndo) {
  plan::Scenario scenario = diamond();
  for (plan::Step& rule : scenario.steps)
    rule.undo = plan::UndoKind::kAutomatic;
  scenario.steps[0].undo = plan::UndoKind::kNone;
  RunState state;
  state.is_rolling_back = true;
  end(state, "a", StepState::kDone);
  end(state, "c", StepState::kDone);
  end(state, "b", StepState::kDone);

  EXPECT_EQ(decide(scenario, state, at_second(0)).now.at(0).step, "b");
  state.steps["b"].state = StepState::kUndone;
  EXPECT_EQ(decide(scenario, state, at_second(0)).now.at(0).step, "c");
  state.steps["c"].state = StepState::kUndone;
  const Decisions last = decide(scenario, state, at_second(0));
  EXPECT_EQ(last.now.at(0).outcome, RunOutcome::kFailed);
  EXPECT_THAT(last.now.at(0).text, HasSubstr("step a, which has no undo"));
}

TEST(Decide, AnApprovalIsVoidOnceWhatItCoversIsMadeAnew) {
  plan::Scenario scenario = diamond();
  plan::ApproveStep approve;
  approve.binds = {{.text = "a", .at = {}}};
  scenario.steps[1].action = approve;
  RunState state;
  end(state, "a", StepState::kDone);
  end(state, "b", StepState::kDone);
  EXPECT_THAT(started(decide(scenario, state, at_second(0))), ElementsAre("c"));

  end(state, "a", StepState::kDone);

  EXPECT_EQ(decide(scenario, state, at_second(0)).now.at(0).kind, Decision::Kind::kVoidApproval);
}

TEST(Decide, TheFinalChecksComeAfterAllSteps) {
  plan::Scenario scenario = diamond();
  scenario.verify = {{.text = "page", .at = {}}};

  const plan::Scenario executed = executed_scenario(scenario);

  ASSERT_EQ(executed.steps.size(), 5U);
  EXPECT_EQ(executed.steps.back().needs.size(), 4U);
}

}  // namespace
}  // namespace reprieve::recovery
