#include <gtest/gtest.h>

#include "plan/parse.hpp"
#include "recovery/approval.hpp"
#include "recovery/fake_world_test.hpp"

/// Whole recoveries in memory, stopped at every single write of their journal and taken up by a new
/// orchestrator: the end must be the same, and nothing may be done twice.
namespace reprieve::recovery {
namespace {

constexpr std::string_view kHead = R"(reprieve: 1
plan: shop
people:
  bob: {key: "ed25519:)";

constexpr std::string_view kRest = R"("}
roles: {dba: [bob]}
sources:
  files: {type: files, path: /srv/files}
  two: {type: files, path: [/srv/one, /srv/two]}
services:
  db: {sources: [files], run: {process: {argv: [serve, db]}}, health: [db-up]}
  app: {needs: [db], sources: [two], run: {process: {argv: [serve, app]}}, health: [app-up]}
checks:
  db-up: {tcp: "h:1", tries: 3, every: 100ms}
  app-up: {tcp: "h:2", tries: 3, every: 100ms, stable: 200ms}
scenarios:
  lost:
    verify: [db-up, app-up]
    steps:
      - {id: stop, do: stop, services: [db, app]}
      - {id: files, do: files.restore, source: files, needs: [stop]}
      - {id: two, do: files.restore, source: two, needs: [stop]}
      - {id: aside, do: run, argv: [flaky, aside], idempotent: true, retry: {times: 2, delay: 100ms}, needs: [stop]}
      - {id: ok, do: approve, by: [dba], not: requester, binds: [files, two], text: "switch?", needs: [files, two]}
      - {id: swap, do: switch, of: [files, two], needs: [ok, aside]}
      - {id: once, do: run, argv: [loud, once], idempotent: false, needs: [swap]}
      - {id: probed, do: run, argv: [loud, probed], idempotent: probe, probe: [has, probed], needs: [swap]}
      - {id: up, do: start, services: [db, app], needs: [once, probed]}
      - {id: look, do: check, run: [app-up], needs: [up]}
  taken-back:
    verify: []
    steps:
      - {id: stop, do: stop, services: [db, app]}
      - {id: two, do: files.restore, source: two}
      - {id: swap, do: switch, of: [two]}
      - {id: broken, do: run, argv: [fail, broken], idempotent: true, on_fail: rollback, undo: [loud, mended]}
)";

class Simulation : public ::testing::Test {
 protected:
  Simulation() {
    SeededRandom random{7};
    key_.emplace(crypto::SigningKey::generate(random));
    const std::string text = std::string{kHead} + to_hex(key_->public_key()) + std::string{kRest};
    auto parsed = plan::parse_plan(as_bytes(text));
    for (const plan::Problem& problem : parsed.problems)
      ADD_FAILURE() << to_text(problem);
    if (parsed.plan) plan_ = *std::move(parsed.plan);
  }

  /// Orchestrators one after the other, each taking up what the one before left, until the end.
  void recover(FakeWorld& world, const std::string& scenario) {
    world.host.put_path("/srv/files", "old");
    world.host.put_path("/srv/one", "old");
    world.host.run_foreign_service("db");
    world.host.run_foreign_service("app");
    for (int processes = 0; processes < 8; ++processes) {
      const auto end = world.orchestrate(scenario);
      if (end && *end == Executor::End::kFinished) return;
      if (end && *end == Executor::End::kWaitsForPerson) approve(world);
      if (!end) {
        EXPECT_NE(end.error().what.find("crashed"), std::string::npos) << end.error().what;
      }
    }
    ADD_FAILURE() << "the run never ends";
  }

  void approve(FakeWorld& world) {
    const StepRun& ok = world.last_state.step("ok");
    ASSERT_TRUE(ok.is_asked);
    const ApprovalStatement statement{.run = "r1",
                                      .step = "ok",
                                      .binding = text_of(ok.acts.at(0).act.args, "binding"),
                                      .is_approved = true,
                                      .person = "bob",
                                      .at = world.clock.now(),
                                      .reason = {}};
    auto approval = sign_approval(statement, *key_);
    ASSERT_TRUE(approval);
    Json body = to_json(*approval);
    body["type"] = "approval";
    world.inbox.add("approval", std::move(body));
  }

  void expect_same_end(FakeWorld& world, FakeWorld& undisturbed) {
    EXPECT_EQ(world.last_state.outcome, undisturbed.last_state.outcome)
        << world.last_state.outcome_text;
    EXPECT_EQ(world.host.effects, undisturbed.host.effects);
    for (const auto& [path, there] : undisturbed.host.paths)
      EXPECT_EQ(world.host.paths[path].content, there.content) << path;
    EXPECT_EQ(world.host.paths.size(), undisturbed.host.paths.size());
    for (const std::string name : {"db", "app"})
      EXPECT_EQ(world.host.is_serving(name), undisturbed.host.is_serving(name)) << name;
  }

  void crash_everywhere(const std::string& scenario, bool is_lost, std::size_t torn_bytes) {
    FakeWorld undisturbed{plan_};
    recover(undisturbed, scenario);
    const int writes = undisturbed.disk.writes;
    ASSERT_GT(writes, 10);
    for (int write = 0; write < writes; ++write) {
      SCOPED_TRACE("crash at write " + std::to_string(write));
      FakeWorld world{plan_};
      world.disk.crash_at = write;
      world.disk.is_lost = is_lost;
      world.disk.torn_bytes = torn_bytes;
      recover(world, scenario);
      expect_same_end(world, undisturbed);
      if (HasFailure()) return;
    }
  }

  plan::Plan plan_;
  std::optional<crypto::SigningKey> key_;
};

TEST_F(Simulation, AnUndisturbedRecoveryReachesItsEnd) {
  FakeWorld world{plan_};

  recover(world, "lost");

  EXPECT_EQ(world.last_state.outcome, RunOutcome::kDone) << world.last_state.outcome_text;
  EXPECT_EQ(world.host.paths["/srv/files"].content, "files@p1");
  EXPECT_EQ(world.host.paths["/srv/one.before-r1"].content, "old");
  EXPECT_EQ(world.host.effects["loud once"], 1);
  EXPECT_EQ(world.host.effects["flaky aside"], 2);
}

TEST_F(Simulation, ACrashBeforeAnyRecordIsDurableChangesNothingOfTheEnd) {
  crash_everywhere("lost", true, 0);
}

TEST_F(Simulation, ACrashThatTearsAnyRecordChangesNothingOfTheEnd) {
  crash_everywhere("lost", true, 40);
}

TEST_F(Simulation, ACrashRightAfterAnyRecordIsDurableChangesNothingOfTheEnd) {
  crash_everywhere("lost", false, 0);
}

TEST_F(Simulation, ARunIsTakenBackWhollyWhereverItCrashed) {
  crash_everywhere("taken-back", true, 0);
  crash_everywhere("taken-back", false, 0);
}

}  // namespace
}  // namespace reprieve::recovery
