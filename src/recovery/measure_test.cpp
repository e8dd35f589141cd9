#include "recovery/measure.hpp"

#include <gtest/gtest.h>

#include "recovery/decide.hpp"

namespace reprieve::recovery {
namespace {

Instant at(std::string_view time) {
  return *parse_rfc3339("2026-11-20T" + std::string{time} + "Z");
}

Moment moment(std::string_view time) {
  return {.at = at(time), .uptime = Duration{at(time).nanoseconds}, .boot_id = "boot"};
}

plan::Plan shop() {
  plan::Plan plan;
  plan::Service db;
  db.name = "db";
  db.sources = {{.text = "shopdb", .at = {}}};
  db.rpo = std::chrono::minutes{5};
  db.rto = std::chrono::minutes{10};
  plan.services.push_back(db);
  plan::Scenario scenario;
  scenario.name = "lost";
  scenario.goal.rto = std::chrono::minutes{15};
  scenario.goal.rpo = std::chrono::minutes{30};
  scenario.verify = {{.text = "page", .at = {}}};
  plan::Step restore;
  restore.id = "restore";
  plan::DbRestoreStep action;
  action.source.text = "shopdb";
  restore.action = action;
  scenario.steps.push_back(restore);
  plan.scenarios.push_back(scenario);
  return plan;
}

RunState finished_run() {
  RunState state;
  state.scenario = "lost";
  state.started = moment("10:02:00");
  state.outcome = RunOutcome::kDone;
  StepRun& restore = state.steps["restore"];
  restore.state = StepState::kDone;
  restore.outputs = Json{{"point", "p1"}, {"point_time", "2026-11-20T09:58:00Z"}};
  StepRun& checks = state.steps[std::string{kFinalChecksStep}];
  checks.state = StepState::kDone;
  checks.ended = moment("10:12:00");
  return state;
}

TEST(Measure, TheClockRunsFromTheDeclarationUntilTheFinalChecksAreGreen) {
  const auto measures = measure(shop(), finished_run(), {});

  EXPECT_EQ(measures.time.start.from, ClockStart::From::kDeclaration);
  EXPECT_EQ(measures.time.total, std::chrono::minutes{10});
  EXPECT_TRUE(measures.time.was_checked);
  EXPECT_EQ(measures.verdict, Verdict::kMet);
}

TEST(Measure, TheClockStartsAtTheFirstFailedCheckIfThatWasEarlier) {
  RunState state = finished_run();
  state.first_failed_check = at("09:55:00");

  const auto measures = measure(shop(), state, {});

  EXPECT_EQ(measures.time.total, std::chrono::minutes{17});
  EXPECT_EQ(measures.time.before_declaration, std::chrono::minutes{7});
  EXPECT_EQ(measures.verdict, Verdict::kMissed);
}

TEST(Measure, AKnownDisasterBeatsBoth) {
  RunState state = finished_run();
  state.first_failed_check = at("09:55:00");
  state.disaster_at = at("10:00:00");

  EXPECT_EQ(measure(shop(), state, {}).time.total, std::chrono::minutes{12});
}

TEST(Measure, WaitingForPeopleIsTimedApartUnlessSomethingRanMeanwhile) {
  RunState state = finished_run();
  StepRun& ask = state.steps["ask"];
  ask.waits.push_back({.began = moment("10:03:00"), .ended = moment("10:07:00"), .question = {}});
  ActState work;
  work.began = at("10:02:00");
  work.ended = at("10:04:00");
  state.steps["restore"].acts.push_back(work);

  const auto measures = measure(shop(), state, {});

  EXPECT_EQ(measures.time.human, std::chrono::minutes{3});
  EXPECT_EQ(measures.time.machine, std::chrono::minutes{7});
}

TEST(Measure, CountsTheWritesThatCameAfterTheRecoveredMoment) {
  const std::string witness =
      "2026-11-20T09:57:00Z 1\n2026-11-20T09:58:00Z 2\nnonsense\n2026-11-20T09:59:30Z 3\n"
      "2026-11-20T10:00:00Z 4\n";

  const auto measures = measure(shop(), finished_run(), {{"shopdb", witness}});

  ASSERT_EQ(measures.losses.size(), 1U);
  const DataLoss& loss = measures.losses[0];
  EXPECT_EQ(loss.known_writes, 4U);
  EXPECT_EQ(loss.lost_writes, 2U);
  EXPECT_EQ(loss.lost, std::chrono::minutes{2});
  EXPECT_EQ(loss.objective, std::chrono::minutes{5});
  EXPECT_EQ(loss.verdict, Verdict::kMet);
}

TEST(Measure, WithoutAWitnessTheLossIsUnknownAndItsBoundIsGiven) {
  RunState state = finished_run();
  state.disaster_at = at("10:08:00");

  const auto loss = measure(shop(), state, {}).losses.at(0);

  EXPECT_EQ(loss.lost, std::nullopt);
  EXPECT_EQ(loss.bound, std::chrono::minutes{10});
  EXPECT_EQ(loss.verdict, Verdict::kUnknown);
}

TEST(Measure, ABoundWithinTheObjectiveIsGoodEnough) {
  RunState state = finished_run();
  state.disaster_at = at("10:01:00");

  const auto loss = measure(shop(), state, {}).losses.at(0);

  EXPECT_EQ(loss.lost, std::nullopt);
  EXPECT_EQ(loss.verdict, Verdict::kMet);
}

TEST(Measure, WhereAReplayWentFurtherThanThePointThatCounts) {
  RunState state = finished_run();
  state.steps["restore"].outputs["recovered_to"] = "2026-11-20T09:59:45Z";

  const auto loss = measure(shop(), state, {{"shopdb", "2026-11-20T10:00:00Z 1\n"}}).losses.at(0);

  EXPECT_EQ(loss.lost, std::chrono::seconds{15});
}

TEST(Measure, AFailedRunMissesItsObjective) {
  RunState state = finished_run();
  state.outcome = RunOutcome::kFailed;
  state.steps.erase(std::string{kFinalChecksStep});

  const auto measures = measure(shop(), state, {});

  EXPECT_EQ(measures.time.total, std::nullopt);
  EXPECT_EQ(measures.verdict, Verdict::kMissed);
}

}  // namespace
}  // namespace reprieve::recovery
