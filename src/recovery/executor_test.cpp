#include "recovery/executor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/parse.hpp"
#include "recovery/approval.hpp"
#include "recovery/fake_world_test.hpp"

namespace reprieve::recovery {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kHead = R"(reprieve: 1
plan: shop
people: {ana: {key: "ed25519:0000000000000000000000000000000000000000000000000000000000000001"}}
roles: {dba: [ana]}
sources:
  files: {type: files, path: /srv/files}
  two: {type: files, path: [/srv/one, /srv/two]}
services:
  db: {sources: [files], run: {process: {argv: [serve, db]}}, health: [db-up]}
  app: {needs: [db], run: {process: {argv: [serve, app]}}, health: [app-up]}
checks:
  db-up: {tcp: "h:1", tries: 3, every: 1s}
  app-up: {tcp: "h:2", tries: 3, every: 1s}
scenarios:
  lost:
    verify: []
    steps:
)";

plan::Plan plan_of(const std::vector<std::string>& steps) {
  std::string text{kHead};
  for (const std::string& step : steps)
    text += "      - " + step + "\n";
  auto parsed = plan::parse_plan(as_bytes(text));
  for (const plan::Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  return parsed.plan ? *std::move(parsed.plan) : plan::Plan{};
}

Executor::End end_of(FakeWorld& world) {
  auto end = world.orchestrate("lost");
  EXPECT_TRUE(end) << (end ? "" : end.error().what);
  return end ? *end : Executor::End::kStopped;
}

StepState state_of(const FakeWorld& world, std::string_view step) {
  return world.last_state.step(step).state;
}

TEST(Executor, CarriesOutEachStepAfterWhatItNeeds) {
  const auto plan = plan_of({"{id: a, do: run, argv: [loud, a], idempotent: true}",
                             "{id: b, do: run, argv: [loud, \"{a.stdout}\"], idempotent: true}"});
  FakeWorld world{plan};

  EXPECT_EQ(end_of(world), Executor::End::kFinished);

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kDone);
  EXPECT_EQ(world.host.effects["loud a said so"], 1);
}

TEST(Executor, DoesNothingWhereTheWantedStateIsThereAlready) {
  const auto plan = plan_of({"{id: s, do: stop, services: [app]}"});
  FakeWorld world{plan};

  end_of(world);

  EXPECT_EQ(state_of(world, "s"), StepState::kDoneObserved);
}

TEST(Executor, StopsServicesInTheReverseOfTheOrderInWhichTheyNeedEachOther) {
  const auto plan = plan_of({"{id: s, do: stop, services: [db, app]}"});
  FakeWorld world{plan};
  world.host.run_foreign_service("db");
  world.host.run_foreign_service("app");

  end_of(world);

  const auto& acts = world.last_state.step("s").acts;
  ASSERT_EQ(acts.size(), 2U);
  EXPECT_EQ(acts[0].act.title, "stop app");
  EXPECT_FALSE(world.host.is_serving("db"));
  EXPECT_FALSE(world.host.is_serving("app"));
}

TEST(Executor, WaitsUntilAStartedServiceIsHealthy) {
  const auto plan = plan_of({"{id: s, do: start, services: [app, db]}"});
  FakeWorld world{plan};
  world.checks.red_times["db-up"] = 10;  // More often than the check's own tries.

  end_of(world);

  EXPECT_EQ(state_of(world, "s"), StepState::kDone);
  EXPECT_TRUE(world.host.is_serving("app"));
}

TEST(Executor, GivesUpWhenAServiceStaysUnhealthyAndSaysWhy) {
  const auto plan = plan_of({"{id: s, do: start, services: [db], timeout: 20s}"});
  FakeWorld world{plan};
  world.checks.red.insert("db-up");

  end_of(world);

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kFailed);
  EXPECT_THAT(world.last_state.step("s").error,
              HasSubstr("timed out after 20.0 s: db-up: status 503"));
}

TEST(Executor, SwitchesARestoredFolderInAndKeepsTheOldOne) {
  const auto plan =
      plan_of({"{id: r, do: files.restore, source: files}", "{id: x, do: switch, of: [r]}"});
  FakeWorld world{plan};
  world.host.put_path("/srv/files", "old");

  end_of(world);

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kDone) << world.last_state.outcome_text;
  EXPECT_EQ(world.host.paths["/srv/files"].content, "files@p1");
  EXPECT_EQ(world.host.paths["/srv/files.before-r1"].content, "old");
  EXPECT_FALSE(world.host.paths.contains("/srv/files.reprieve-r1"));
  EXPECT_EQ(text_of(world.last_state.step("x").outputs, "old"), "/srv/files.before-r1");
}

TEST(Executor, RefusesASwitchWhileAServiceUsesTheSourceBeforeAnythingMoves) {
  const auto plan = plan_of({"{id: t, do: files.restore, source: two}",
                             "{id: r, do: files.restore, source: files}",
                             "{id: x, do: switch, of: [t, r], on_fail: stop}"});
  FakeWorld world{plan};
  world.host.put_path("/srv/files", "old");
  world.host.put_path("/srv/one", "old");
  world.host.run_foreign_service("db");

  end_of(world);

  EXPECT_THAT(world.last_state.step("x").error, HasSubstr("service db still runs"));
  EXPECT_EQ(world.host.paths["/srv/one"].content, "old");
}

TEST(Executor, RefusesToRestoreWhatCouldNeverBeSwitched) {
  const auto plan = plan_of({"{id: r, do: files.restore, source: files}"});
  FakeWorld world{plan};
  world.host.put_path("/srv/files", "old");
  world.host.paths["/srv/files"].is_mount_point = true;

  end_of(world);

  EXPECT_THAT(world.last_state.step("r").error, HasSubstr("mount point"));
  EXPECT_EQ(world.host.effects["restore files"], 0);
}

TEST(Executor, AResumedRollbackTriesAgainWhatCouldNotBeTakenBack) {
  const auto plan = plan_of(
      {"{id: b, do: run, argv: [loud, b], idempotent: true, undo: [flaky, undo-b]}",
       "{id: a, do: run, argv: [fail, a], idempotent: true, on_fail: rollback, undo: [loud, u]}"});
  FakeWorld world{plan};
  end_of(world);
  ASSERT_EQ(world.last_state.outcome, RunOutcome::kFailed);
  EXPECT_THAT(world.last_state.outcome_text, HasSubstr("step b could not be taken back"));

  end_of(world);

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kRolledBack) << world.last_state.outcome_text;
  EXPECT_EQ(world.host.effects["flaky undo-b"], 2);
  EXPECT_EQ(world.host.effects["fail a"], 1);
}

TEST(Executor, RefusesToSwitchABusyFolder) {
  const auto plan = plan_of(
      {"{id: r, do: files.restore, source: files}", "{id: x, do: switch, of: [r], on_fail: stop}"});
  FakeWorld busy{plan};
  busy.host.put_path("/srv/files", "old");
  busy.host.users["/srv/files"] = {"77 cat"};
  end_of(busy);
  EXPECT_THAT(busy.last_state.step("x").error, HasSubstr("in use by 77 cat"));
  EXPECT_EQ(busy.host.paths["/srv/files"].content, "old");
}

TEST(Executor, TriesAgainAsOftenAsThePlanSays) {
  const auto plan = plan_of(
      {"{id: a, do: run, argv: [flaky, a], idempotent: true, retry: {times: 1, delay: 5s}}"});
  FakeWorld world{plan};

  end_of(world);

  EXPECT_EQ(state_of(world, "a"), StepState::kDone);
  EXPECT_EQ(world.host.effects["flaky a"], 2);
  EXPECT_EQ(world.last_state.step("a").generation, 2U);
}

TEST(Executor, LetsIndependentBranchesFinishAfterAFailure) {
  const auto plan = plan_of({"{id: a, do: run, argv: [fail, a], idempotent: true, on_fail: stop}",
                             "{id: b, do: run, argv: [loud, b], idempotent: true, needs: []}",
                             "{id: c, do: run, argv: [loud, c], idempotent: true, needs: [a]}"});
  FakeWorld world{plan};

  end_of(world);

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kFailed);
  EXPECT_EQ(world.host.effects["loud b"], 1);
  EXPECT_EQ(world.host.effects["loud c"], 0);
  EXPECT_THAT(world.last_state.step("a").error, HasSubstr("exit code 1: it broke"));
}

TEST(Executor, SaysWhyACommandOfOursFailedInItsOwnWords) {
  const auto plan = plan_of({"{id: a, do: run, argv: [fail, a, json], idempotent: true}"});
  FakeWorld world{plan};

  end_of(world);

  EXPECT_EQ(world.last_state.step("a").error, "exit code 1: no such point. List them.");
}

TEST(Executor, ARestoreGivesOutWhatItRecoveredAndWhere) {
  const auto plan = plan_of({"{id: r, do: files.restore, source: files}"});
  FakeWorld world{plan};

  end_of(world);

  const Json& outputs = world.last_state.step("r").outputs;
  EXPECT_EQ(outputs["target"], "/srv/files.reprieve-r1");
  EXPECT_EQ(outputs["point"], "p1");
  EXPECT_EQ(outputs["recovered_to"], "2026-11-20T14:40:00Z");
  EXPECT_EQ(outputs["bytes"], 1000);
}

TEST(Executor, AResumedFailedRunTriesAgainWhatFailed) {
  const auto plan = plan_of({"{id: a, do: run, argv: [flaky, a], idempotent: true}",
                             "{id: b, do: run, argv: [loud, b], idempotent: true}"});
  FakeWorld world{plan};
  end_of(world);
  ASSERT_EQ(world.last_state.outcome, RunOutcome::kFailed);

  end_of(world);

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kDone);
  EXPECT_EQ(world.host.effects["loud b"], 1);
}

TEST(Executor, SkipsAStepWhoseConditionDoesNotHold) {
  const auto plan =
      plan_of({"{id: a, do: run, argv: [loud, a], idempotent: true}",
               "{id: b, do: run, argv: [loud, b], idempotent: true, when: \"{a.stdout} == 'x'\"}",
               "{id: c, do: run, argv: [loud, c], idempotent: true}"});
  FakeWorld world{plan};

  end_of(world);

  EXPECT_EQ(state_of(world, "b"), StepState::kSkipped);
  EXPECT_EQ(world.host.effects["loud b"], 0);
  EXPECT_EQ(world.host.effects["loud c"], 1);
}

TEST(Executor, TakesARunBackNewestFirst) {
  const auto plan =
      plan_of({"{id: s, do: stop, services: [db]}", "{id: r, do: files.restore, source: files}",
               "{id: x, do: switch, of: [r]}",
               "{id: a, do: run, argv: [fail, a], idempotent: true, on_fail: rollback}"});
  FakeWorld world{plan};
  world.host.put_path("/srv/files", "old");
  world.host.run_foreign_service("db");

  end_of(world);

  // `a` has no undo, so nothing older may be taken back: the run says where it stopped.
  EXPECT_EQ(world.last_state.outcome, RunOutcome::kFailed);
  EXPECT_THAT(world.last_state.outcome_text, HasSubstr("step a, which has no undo"));

  const auto undoable =
      plan_of({"{id: s, do: stop, services: [db]}", "{id: r, do: files.restore, source: files}",
               "{id: x, do: switch, of: [r]}",
               "{id: a, do: run, argv: [fail, a], idempotent: true, on_fail: rollback, undo: "
               "[loud, undo-a]}"});
  FakeWorld other{undoable};
  other.host.put_path("/srv/files", "old");
  other.host.run_foreign_service("db");

  end_of(other);

  EXPECT_EQ(other.last_state.outcome, RunOutcome::kRolledBack) << other.last_state.outcome_text;
  EXPECT_EQ(other.host.effects["loud undo-a"], 1);
  EXPECT_EQ(other.host.paths["/srv/files"].content, "old");
  EXPECT_EQ(other.host.paths["/srv/files.reprieve-r1"].content, "files@p1");
  EXPECT_TRUE(other.host.is_serving("db"));
}

TEST(Executor, TakesASwitchToAPathThatHadNothingBackToNothing) {
  const auto plan = plan_of(
      {"{id: r, do: files.restore, source: files}", "{id: x, do: switch, of: [r]}",
       "{id: a, do: run, argv: [fail, a], idempotent: true, on_fail: rollback, undo: [loud, u]}"});
  FakeWorld world{plan};

  end_of(world);

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kRolledBack) << world.last_state.outcome_text;
  EXPECT_FALSE(world.host.paths.contains("/srv/files"));
}

TEST(Executor, AsksBeforeItTakesBackWhatWritersMayHaveBuiltUpon) {
  const auto plan = plan_of({"{id: u, do: start, services: [db]}",
                             "{id: r, do: files.restore, source: files, on_fail: ask}",
                             "{id: a, do: run, argv: [fail, a], idempotent: true, on_fail: ask}"});
  FakeWorld world{plan};

  EXPECT_EQ(end_of(world), Executor::End::kWaitsForPerson);
  EXPECT_TRUE(world.last_state.step("a").is_asked);
  EXPECT_EQ(world.last_state.outcome, std::nullopt);

  world.inbox.add("1", {{"type", "answer"},
                        {"step", "a"},
                        {"answer", "skip"},
                        {"who", "ana"},
                        {"reason", "not needed"}});
  EXPECT_EQ(end_of(world), Executor::End::kFinished);
  EXPECT_EQ(state_of(world, "a"), StepState::kSkipped);
  EXPECT_EQ(world.last_state.outcome, RunOutcome::kDone);
}

TEST(Executor, AsksAPersonWhetherALostCommandHappened) {
  const auto plan = plan_of({"{id: a, do: run, argv: [loud, a], idempotent: false}",
                             "{id: b, do: run, argv: [loud, b], idempotent: true}"});
  for (const std::string_view answer : {"did-happen", "did-not-happen"}) {
    SCOPED_TRACE(answer);
    FakeWorld world{plan};
    world.host.lost.insert("loud a");

    EXPECT_EQ(end_of(world), Executor::End::kWaitsForPerson);
    EXPECT_EQ(state_of(world, "a"), StepState::kUnknown);
    EXPECT_EQ(world.host.effects["loud b"], 0);

    world.inbox.add("1", {{"type", "answer"}, {"step", "a"}, {"answer", answer}, {"who", "ana"}});
    EXPECT_EQ(end_of(world), Executor::End::kFinished);
    EXPECT_EQ(world.last_state.outcome, RunOutcome::kDone);
    EXPECT_EQ(world.host.effects["loud a"], answer == "did-happen" ? 0 : 1);
    EXPECT_EQ(world.host.effects["loud b"], 1);
  }
}

TEST(Executor, FindsOutByAProbeWhetherALostCommandHappened) {
  const auto plan =
      plan_of({"{id: a, do: run, argv: [loud, a], idempotent: probe, probe: [has, a]}"});
  FakeWorld world{plan};
  world.host.lost.insert("loud a");

  EXPECT_EQ(end_of(world), Executor::End::kFinished);

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kDone);
  EXPECT_EQ(world.host.effects["loud a"], 1);
}

TEST(Executor, RestoresAgainFromTheSamePointAfterALostRestore) {
  const auto plan = plan_of({"{id: r, do: files.restore, source: files}"});
  FakeWorld world{plan};
  world.host.lost.insert("restore files");

  EXPECT_EQ(end_of(world), Executor::End::kFinished);

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kDone) << world.last_state.outcome_text;
  EXPECT_EQ(world.points.resolved, 1);
  EXPECT_EQ(world.host.paths["/srv/files.reprieve-r1"].content, "files@p1");
}

TEST(Executor, EndsACommandWhoseTimeIsUp) {
  const auto plan =
      plan_of({"{id: a, do: run, argv: [loud, a], idempotent: true, timeout: 5s, on_fail: stop}"});
  FakeWorld world{plan};
  world.host.child_duration = std::chrono::hours{1};

  end_of(world);

  EXPECT_THAT(world.last_state.step("a").error, HasSubstr("timed out after 5.0 s"));
  EXPECT_EQ(world.host.effects["loud a"], 0);
}

TEST(Executor, EndsACommandThatStalls) {
  const auto plan =
      plan_of({"{id: a, do: run, argv: [loud, a], idempotent: true, timeout: 5m, stall: 2s, "
               "on_fail: stop}"});
  FakeWorld world{plan};
  world.host.child_duration = std::chrono::hours{1};

  end_of(world);

  EXPECT_THAT(world.last_state.step("a").error, HasSubstr("no output for 2.0 s"));
}

}  // namespace
}  // namespace reprieve::recovery
