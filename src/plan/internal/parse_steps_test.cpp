#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "plan/parse.hpp"

namespace reprieve::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Eleven lines; the steps of the tests begin on the twelfth, indented by six.
constexpr std::string_view kHead = R"(reprieve: 1
plan: shop
people: {ana: {key: "ed25519:0000000000000000000000000000000000000000000000000000000000000001"}}
roles: {dba: [ana]}
sources: {db: {type: postgres, url: "postgres://u@h/d", data_dir: /pg}, files: {type: files, path: /f}}
services: {app: {run: {systemd: app}, health: [up]}, web: {needs: [app], run: {systemd: web}, health: [up, home]}, ext: {}}
checks: {up: {tcp: "h:1"}, home: {http: "http://h/"}}
scenarios:
  lost:
    params: {point: {type: recovery-point, of: db, default: latest}, mode: {type: string}}
    steps:
)";

std::string text_of(const std::vector<std::string>& steps, const std::string& rest = "") {
  std::string text{kHead};
  for (const std::string& step : steps)
    text += "      - " + step + "\n";
  return text + rest;
}

Scenario scenario_of(const std::vector<std::string>& steps, const std::string& rest = "") {
  auto parsed = parse_plan(as_bytes(text_of(steps, rest)));
  for (const Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  return parsed.plan ? parsed.plan->scenarios.at(0) : Scenario{};
}

std::string problem_of(const std::vector<std::string>& steps, const std::string& rest = "") {
  const auto problems = parse_plan(as_bytes(text_of(steps, rest))).problems;
  EXPECT_EQ(problems.size(), 1U);
  for (std::size_t i = 1; i < problems.size(); ++i)
    ADD_FAILURE() << to_text(problems[i]);
  return problems.empty() ? "" : to_text(problems[0]);
}

template <class Action>
Action action_of(const std::string& step) {
  const Scenario scenario = scenario_of({step});
  return scenario.steps.empty() ? Action{} : std::get<Action>(scenario.steps[0].action);
}

TEST(Steps, StopAndStartNameServices) {
  const auto stop = action_of<StopStep>("{id: a, do: stop, services: [web, app]}");
  EXPECT_EQ(stop.services.size(), 2U);
  EXPECT_EQ(stop.order, ServiceOrder::kNeeds);
  const auto start =
      action_of<StartStep>("{id: a, do: start, services: [app], order: listed, gate: none}");
  EXPECT_EQ(start.order, ServiceOrder::kListed);
  EXPECT_EQ(start.gate, Gate::kNone);
  EXPECT_EQ(action_of<StartStep>("{id: a, do: start, services: [app]}").gate, Gate::kHealth);
}

TEST(Steps, RestoresGoSideBySideUnlessTheySayOtherwise) {
  const auto files = action_of<FilesRestoreStep>("{id: a, do: files.restore, source: files}");
  EXPECT_EQ(files.place, RestorePlace::kSideBySide);
  EXPECT_EQ(files.point.literal(), "latest");
  const auto db = action_of<DbRestoreStep>(
      "{id: a, do: db.restore, source: db, at: \"{params.point}\", into: /new}");
  EXPECT_EQ(db.place, RestorePlace::kPath);
  EXPECT_EQ(db.path.literal(), "/new");
  EXPECT_EQ(db.point.text(), "{params.point}");
  const auto time = action_of<DbRestoreStep>(
      "{id: a, do: db.restore, source: db, to_time: 2026-11-20T03:00:00Z}");
  EXPECT_EQ(time.to_time.literal(), "2026-11-20T03:00:00Z");
  EXPECT_TRUE(time.point.is_empty());
}

TEST(Steps, ASwitchKeepsWhatItReplaced) {
  const std::string restore = "{id: r, do: files.restore, source: files}";
  const auto kept = [&](const std::string& keep) {
    const Scenario scenario = scenario_of({restore, "{id: s, do: switch, of: [r]" + keep + "}"});
    return std::get<SwitchStep>(scenario.steps.at(1).action).keep_old;
  };
  EXPECT_EQ(kept(""), std::chrono::hours{7 * 24});
  EXPECT_EQ(kept(", keep_old: 2d"), std::chrono::hours{48});
  EXPECT_EQ(kept(", keep_old: true"), std::nullopt);
  EXPECT_THAT(problem_of({restore, "{id: s, do: switch, of: [r], keep_old: false}"}),
              HasSubstr("expected a duration or true, found false"));
}

TEST(Steps, AnApprovalNamesRolesAndWhatItBinds) {
  const Scenario scenario =
      scenario_of({"{id: r, do: db.restore, source: db}",
                   "{id: ok, do: approve, by: [dba], not: requester, binds: [r], timeout: 5m,"
                   " text: \"Use {r.point}?\"}"});
  const auto& approve = std::get<ApproveStep>(scenario.steps.at(1).action);
  EXPECT_EQ(approve.by.at(0).text, "dba");
  EXPECT_EQ(approve.quorum, 1U);
  EXPECT_TRUE(approve.is_requester_excluded);
  EXPECT_EQ(approve.binds.at(0).text, "r");
  EXPECT_EQ(approve.text.text(), "Use {r.point}?");
  EXPECT_EQ(approve.on_timeout, OnTimeout::kDeny);
  EXPECT_EQ(scenario.steps.at(1).timeout, std::chrono::minutes{5});
}

TEST(Steps, ARunSaysWhetherItMayBeRepeated) {
  const auto run = action_of<RunStep>(
      "{id: a, do: run, argv: [migrate, \"{params.mode}\"], env: {A: \"{run.id}\"}, cwd: /srv,"
      " idempotent: probe, probe: [\"true\"]}");
  EXPECT_EQ(run.argv.at(1).text(), "{params.mode}");
  EXPECT_EQ(run.env.at("A").text(), "{run.id}");
  EXPECT_EQ(run.cwd.literal(), "/srv");
  EXPECT_EQ(run.idempotent, Idempotency::kProbe);
  EXPECT_EQ(run.probe.size(), 1U);
  EXPECT_THAT(problem_of({"{id: a, do: run, argv: [x]}"}), HasSubstr("`idempotent` is missing"));
  EXPECT_THAT(problem_of({"{id: a, do: run, argv: [x], idempotent: probe}"}),
              HasSubstr("belong together"));
  EXPECT_THAT(problem_of({"{id: a, do: run, argv: [x], idempotent: true, probe: [y]}"}),
              HasSubstr("belong together"));
  EXPECT_THAT(problem_of({"{id: a, do: run, argv: [x], idempotent: yes}"}),
              HasSubstr("expected true, false or probe, found \"yes\""));
  EXPECT_THAT(problem_of({"{id: a, do: run, argv: \"rm -rf /\", idempotent: true}"}),
              HasSubstr("nothing is ever handed to a shell"));
}

TEST(Steps, ChecksMayLookAtWhatWasRestored) {
  const Scenario scenario = scenario_of({"{id: r, do: db.restore, source: db}",
                                         "{id: c, do: check, run: [up], against: \"{r.target}\"}"});
  EXPECT_EQ(std::get<CheckStep>(scenario.steps.at(1).action).against->step, "r");
  EXPECT_THAT(problem_of({"{id: c, do: check, run: [up], against: r}"}),
              HasSubstr("expected the target of a restore step"));
  EXPECT_THAT(problem_of({"{id: a, do: stop, services: [app]}",
                          "{id: c, do: check, run: [up], against: \"{a.target}\"}"}),
              HasSubstr("{a.target} does not exist"));
}

TEST(Steps, HaveClassesDefaultsAndUndo) {
  const Scenario scenario = scenario_of(
      {"{id: stop, do: stop, services: [app]}", "{id: side, do: db.restore, source: db}",
       "{id: over, do: db.restore, source: db, into: /pg}", "{id: swap, do: switch, of: [side]}",
       "{id: see, do: check, run: [up]}", "{id: again, do: run, argv: [x], idempotent: true}",
       "{id: once, do: run, argv: [x], idempotent: false}", "{id: ok, do: approve, by: [dba]}"});
  std::vector<std::string> classes;
  for (const Step& step : scenario.steps)
    classes.push_back(std::string{name_of(step.step_class)} + "/" +
                      std::string{name_of(step.on_fail)} +
                      (step.undo == UndoKind::kAutomatic ? "/undo" : ""));
  EXPECT_THAT(classes,
              ::testing::ElementsAre("change/stop/undo", "change/stop/undo", "destructive/ask",
                                     "destructive/ask/undo", "read/stop", "change/stop",
                                     "destructive/ask", "human/stop"));
  EXPECT_EQ(scenario.steps[0].timeout, std::chrono::minutes{5});
  EXPECT_EQ(scenario.steps[1].timeout, std::chrono::hours{24});
}

TEST(Steps, TakeTheCommonFields) {
  const Scenario scenario =
      scenario_of({"{id: a, do: run, argv: [x], idempotent: true, when: \"{params.mode} == full\","
                   " timeout: 9m, stall: 1m, retry: {times: 3, delay: 10s}, on_fail: continue,"
                   " undo: [y, \"{run.id}\"], estimate: 2m, owner: ana}"});
  const Step& step = scenario.steps.at(0);
  EXPECT_EQ(step.when->text(), "{params.mode} == 'full'");
  EXPECT_EQ(step.timeout, std::chrono::minutes{9});
  EXPECT_EQ(step.stall, std::chrono::minutes{1});
  EXPECT_EQ(step.retry.times, 3U);
  EXPECT_EQ(step.retry.delay, std::chrono::seconds{10});
  EXPECT_EQ(step.on_fail, OnFail::kContinue);
  EXPECT_EQ(step.undo, UndoKind::kArgv);
  EXPECT_EQ(step.undo_argv.size(), 2U);
  EXPECT_EQ(step.estimate, std::chrono::minutes{2});
  EXPECT_EQ(step.owner, "ana");
}

TEST(Steps, RefuseWhatDoesNotFitThem) {
  EXPECT_EQ(problem_of({"{id: a, do: chekc, run: [up]}"}),
            "12:21: scenarios.lost.steps.a.do: expected a step type, found \"chekc\"\n"
            "  Did you mean \"check\"?");
  EXPECT_EQ(problem_of({"{id: a, do: dns.update}"}),
            "12:21: scenarios.lost.steps.a.do: the step type dns.update is not in this version\n"
            "  Use a `run` step with your own command, or an `approve` step that a person ends.");
  EXPECT_THAT(problem_of({"{do: check, run: [up]}"}),
              StartsWith("12:9: scenarios.lost.steps[0]: `id` is missing"));
  EXPECT_THAT(problem_of({"{id: run, do: check, run: [up]}"}), HasSubstr("must not be called run"));
  EXPECT_THAT(problem_of({"{id: a b, do: check, run: [up]}"}),
              HasSubstr("steps[0].id: expected a"));
  EXPECT_THAT(problem_of({"{id: a}"}), HasSubstr("`do` is missing"));
  EXPECT_THAT(problem_of({"stop"}), HasSubstr("expected a step, such as"));
  EXPECT_THAT(problem_of({"{id: a, do: check, run: [up], tiemout: 5s}"}),
              HasSubstr("steps.a: unknown key \"tiemout\"\n  Did you mean \"timeout\"?"));
  EXPECT_THAT(problem_of({"{id: a, do: check, run: [up], drill: skip}"}),
              HasSubstr("does not know it yet"));
  EXPECT_THAT(problem_of({"{id: a, do: check, run: [up], undo: auto}"}),
              HasSubstr("this step cannot undo itself"));
  EXPECT_THAT(problem_of({"{id: a, do: check, run: [up], when: \"{params.mode} =\"}"}),
              HasSubstr("steps.a.when: condition:"));
  EXPECT_THAT(problem_of({"{id: a, do: stop, services: []}"}), HasSubstr("at least one service"));
}

TEST(Steps, RefusePointsAndPathsThatCannotBe) {
  EXPECT_THAT(problem_of({"{id: a, do: db.restore, source: db, at: last week}"}),
              HasSubstr("\"last week\" names no recovery point"));
  EXPECT_THAT(problem_of({"{id: a, do: db.restore, source: db, to_time: \"2026-11-20 03:00\"}"}),
              HasSubstr("expected a time such as"));
  EXPECT_THAT(problem_of({"{id: a, do: db.restore, source: db, at: latest, to_time: "
                          "2026-11-20T03:00:00Z}"}),
              HasSubstr("exclude each other"));
  EXPECT_THAT(problem_of({"{id: a, do: db.restore, source: db, into: beside}"}),
              HasSubstr("expected side-by-side or an absolute path, found \"beside\""));
  EXPECT_THAT(problem_of({"{id: a, do: files.restore, source: files, to_time: x}"}),
              HasSubstr("unknown key \"to_time\""));
}

TEST(Steps, ARetryNeverRepeatsWhatMustNotBeRepeated) {
  EXPECT_THAT(problem_of({"{id: a, do: run, argv: [x], idempotent: false, retry: {times: 2}}"}),
              HasSubstr("is never run again by itself"));
  EXPECT_THAT(problem_of({"{id: a, do: approve, by: [dba], retry: {times: 2}}"}),
              HasSubstr("people are not asked again"));
}

TEST(Scenarios, ReadGoalsAndParameters) {
  const Scenario scenario =
      scenario_of({"{id: a, do: check, run: [up]}"},
                  "    goal: {severity: critical, rto: 30m, rpo: 5m}\n    verify: [home]\n");
  EXPECT_EQ(scenario.goal.severity, Severity::kCritical);
  EXPECT_EQ(scenario.goal.rto, std::chrono::minutes{30});
  EXPECT_EQ(scenario.goal.rpo, std::chrono::minutes{5});
  EXPECT_EQ(scenario.params.at(0).type, ParamType::kRecoveryPoint);
  EXPECT_EQ(scenario.params.at(0).default_value, "latest");
  EXPECT_FALSE(scenario.params.at(1).default_value);
  ASSERT_EQ(scenario.verify.size(), 1U);
  EXPECT_EQ(scenario.verify[0].text, "home");
}

TEST(Scenarios, VerifyWhatTheyStartUnlessTheySayOtherwise) {
  const Scenario scenario = scenario_of({"{id: a, do: start, services: [app, web]}"});
  ASSERT_EQ(scenario.verify.size(), 2U);
  EXPECT_EQ(scenario.verify[0].text, "up");
  EXPECT_EQ(scenario.verify[1].text, "home");
}

TEST(Scenarios, RefuseWhatDoesNotFitThem) {
  const std::string head = "reprieve: 1\nplan: x\nscenarios:\n  s:\n    ";
  const auto problem = [&](const std::string& rest) {
    const auto problems = parse_plan(as_bytes(head + rest)).problems;
    return problems.size() == 1 ? to_text(problems[0]) : std::to_string(problems.size());
  };
  EXPECT_THAT(problem("goal: {}\n"), HasSubstr("scenarios.s: `steps` is missing"));
  EXPECT_THAT(problem("steps: []\n"), HasSubstr("expected at least one step, found a list"));
  const std::string steps = "steps: [{id: a, do: run, argv: [x], idempotent: true}]\n    ";
  EXPECT_THAT(problem(steps + "params: {p: {type: number}}\n"),
              HasSubstr("expected one of string"));
  EXPECT_THAT(problem(steps + "params: {p: {type: duration, default: 5}}\n"),
              HasSubstr("6:43: scenarios.s.params.p.default: parameter p: expected a duration"));
  EXPECT_THAT(problem(steps + "params: {p: {type: string, of: db}}\n"),
              HasSubstr("`of` belongs to a recovery-point only"));
  EXPECT_THAT(problem(steps + "goal: {severity: urgent}\n"), HasSubstr("one of low, medium"));
  EXPECT_THAT(problem(steps + "detect: {}\n"), HasSubstr("does not know it yet"));
}

}  // namespace
}  // namespace reprieve::plan
