#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "plan/parse.hpp"

namespace reprieve::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Ten lines; the first step is on the eleventh.
constexpr std::string_view kHead = R"(reprieve: 1
plan: shop
people: {ana: {key: "ed25519:0000000000000000000000000000000000000000000000000000000000000001"}, ben: {}}
roles: {dba: [ana, ben]}
sources: {db: {type: postgres, url: "postgres://u@h/d", data_dir: /pg}, bare: {type: postgres, url: "postgres://u@h/d"}, files: {type: files, path: /f}}
services: {app: {run: {systemd: app}}, ext: {}}
checks: {up: {tcp: "h:1"}}
scenarios:
  lost:
    steps:
)";

std::string text_of(const std::vector<std::string>& steps) {
  std::string text{kHead};
  for (const std::string& step : steps)
    text += "      - " + step + "\n";
  return text;
}

Scenario scenario_of(const std::vector<std::string>& steps) {
  auto parsed = parse_plan(as_bytes(text_of(steps)));
  for (const Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  return parsed.plan ? parsed.plan->scenarios.at(0) : Scenario{};
}

std::string problem_of(const std::vector<std::string>& steps) {
  const auto problems = parse_plan(as_bytes(text_of(steps))).problems;
  EXPECT_EQ(problems.size(), 1U);
  for (std::size_t i = 1; i < problems.size(); ++i)
    ADD_FAILURE() << to_text(problems[i]);
  return problems.empty() ? "" : to_text(problems[0]);
}

std::vector<std::string> needs_of(const Step& step) {
  std::vector<std::string> names;
  for (const Name& name : step.needs)
    names.push_back(name.text);
  return names;
}

std::string check(const std::string& id, const std::string& rest = "") {
  return "{id: " + id + ", do: check, run: [up]" + rest + "}";
}

TEST(Order, IsTheOrderOfTheTextUnlessTheStepSaysOtherwise) {
  const Scenario scenario = scenario_of({check("a"), check("b"), check("c", ", needs: []"),
                                         check("d", ", needs: [a, c]"), check("e")});
  EXPECT_THAT(needs_of(scenario.steps[0]), IsEmpty());
  EXPECT_THAT(needs_of(scenario.steps[1]), ElementsAre("a"));
  EXPECT_THAT(needs_of(scenario.steps[2]), IsEmpty());
  EXPECT_THAT(needs_of(scenario.steps[3]), ElementsAre("a", "c"));
  EXPECT_THAT(needs_of(scenario.steps[4]), ElementsAre("d"));
}

TEST(Order, ANeedMayBeWrittenBelow) {
  const Scenario scenario = scenario_of({check("a", ", needs: [b]"), check("b", ", needs: []")});
  EXPECT_THAT(needs_of(scenario.steps[0]), ElementsAre("b"));
}

TEST(Order, ACircleIsNamed) {
  EXPECT_EQ(problem_of({check("a", ", needs: [c]"), check("b"), check("c")}),
            "11:9: scenarios.lost.steps.a: the steps need each other in a circle: "
            "a -> c -> b -> a\n"
            "  Remove one of these needs. A step without `needs` comes after the step above it.");
  EXPECT_THAT(problem_of({check("a", ", needs: [a]")}), HasSubstr("a -> a"));
}

TEST(Order, NeedsNameStepsOfTheScenario) {
  EXPECT_EQ(problem_of({check("alpha"), check("b", ", needs: [alhpa]")}),
            "12:47: scenarios.lost.steps.b.needs: there is no step \"alhpa\"\n"
            "  Did you mean \"alpha\"?");
}

TEST(Order, AnIdIsTakenOnce) {
  EXPECT_EQ(problem_of({check("a"), check("a")}),
            "12:9: scenarios.lost.steps[1]: the id a is taken by the step of line 11\n"
            "  Give each step of a scenario an id of its own.");
}

TEST(Order, AStepThatCannotBeReadIsNotReportedWhereItIsNeeded) {
  EXPECT_THAT(problem_of({"{id: a, do: chekc}", check("b", ", needs: [a]")}),
              HasSubstr("expected a step type"));
}

TEST(References, MustExist) {
  const auto run = [](const std::string& argument, const std::string& rest = "") {
    return "{id: x, do: run, argv: [y, \"" + argument + "\"], idempotent: true" + rest + "}";
  };
  EXPECT_EQ(problem_of({run("{params.point}")}),
            "11:37: scenarios.lost.steps.x: there is no parameter \"point\"\n"
            "  Declare it: params: {NAME: {type: string}}.");
  EXPECT_EQ(problem_of({run("{run.idd}")}),
            "11:37: scenarios.lost.steps.x: {run.idd} does not exist\n  Did you mean \"id\"?");
  EXPECT_EQ(problem_of({check("alpha"), run("{alhpa.passed}")}),
            "12:37: scenarios.lost.steps.x: {alhpa.passed} refers to a step that does not exist\n"
            "  Did you mean \"alpha\"?");
  EXPECT_THAT(
      problem_of({check("a"), run("{a.exit}")}),
      HasSubstr("{a.exit} does not exist\n  Known: passed, failed, state, started, ended."));
  EXPECT_THAT(problem_of({run("{run.id")}), HasSubstr("a { is never closed"));
}

TEST(References, OnlyReachWhatComesBefore) {
  EXPECT_EQ(problem_of({check("a"),
                        "{id: x, do: run, argv: [y, \"{a.passed}\"], idempotent: true, "
                        "needs: []}"}),
            "12:37: scenarios.lost.steps.x: uses {a.passed}, but does not come after a\n"
            "  Add a to its `needs`.");
  EXPECT_THAT(problem_of({check("a", ", when: \"{a.passed} > 0\"")}),
              HasSubstr("does not come after a"));
}

TEST(Switch, NamesRestoresBesideTheLiveData) {
  const std::string swap = "{id: s, do: switch, of: [r]}";
  EXPECT_THAT(problem_of({check("r"), swap}), HasSubstr("r restores nothing side by side"));
  EXPECT_THAT(problem_of({"{id: r, do: files.restore, source: files, into: /x}", swap}),
              HasSubstr("r restores nothing side by side"));
  EXPECT_THAT(problem_of({check("r1"), swap}), HasSubstr("steps.s.of: there is no step \"r\""));
  EXPECT_THAT(problem_of({"{id: r, do: files.restore, source: files}",
                          "{id: s, do: switch, of: [r], needs: []}"}),
              HasSubstr("`of` names r, but does not come after it"));
}

TEST(Restores, NeedASourceOfTheirKind) {
  EXPECT_THAT(problem_of({"{id: r, do: files.restore, source: db}"}),
              HasSubstr("steps.r: expected a files source, but db is none"));
  EXPECT_THAT(problem_of({"{id: r, do: db.restore, source: files}"}),
              HasSubstr("expected a postgres source, but files is none"));
  EXPECT_THAT(problem_of({"{id: r, do: db.restore, source: file}"}),
              HasSubstr("there is no source \"file\"\n  Did you mean \"files\"?"));
}

TEST(Restores, SideBySideNeedsToKnowWhereTheDataLie) {
  EXPECT_THAT(problem_of({"{id: r, do: db.restore, source: bare}"}),
              HasSubstr("nothing says where the data of bare lie"));
  scenario_of({"{id: r, do: db.restore, source: bare, into: /pg}"});
}

TEST(Services, OnlyThoseWithARunAreStoppedAndStarted) {
  EXPECT_THAT(problem_of({"{id: a, do: stop, services: [ext]}"}),
              HasSubstr("steps.a.services: nothing says how to run ext"));
  EXPECT_THAT(problem_of({"{id: a, do: start, services: [ap]}"}),
              HasSubstr("there is no service \"ap\"\n  Did you mean \"app\"?"));
}

TEST(Approval, MustBePossible) {
  scenario_of({"{id: ok, do: approve, by: [dba], quorum: 1}"});
  EXPECT_THAT(problem_of({"{id: ok, do: approve, by: [dba], quorum: 2}"}),
              HasSubstr("needs 2 approval(s), but only 1 of these people have a key"));
  EXPECT_THAT(problem_of({"{id: ok, do: approve, by: [dbas]}"}),
              HasSubstr("there is no role \"dbas\"\n  Did you mean \"dba\"?"));
  EXPECT_THAT(problem_of({"{id: ok, do: approve, by: [dba], binds: [x]}"}),
              HasSubstr("steps.ok.binds: there is no step \"x\""));
  EXPECT_THAT(problem_of({check("a"), "{id: ok, do: approve, by: [dba], binds: [a], needs: []}"}),
              HasSubstr("`binds` names a, but does not come after it"));
}

TEST(Approval, SilenceNeverApprovesDestruction) {
  const std::string ask = "{id: ok, do: approve, by: [dba], on_timeout: proceed}";
  EXPECT_THAT(problem_of({ask, check("a"), "{id: r, do: db.restore, source: db, into: /pg}"}),
              HasSubstr("`on_timeout: proceed` would let r destroy without approval"));
  scenario_of({ask, "{id: r, do: db.restore, source: db}"});
  EXPECT_THAT(problem_of({"{id: ok, do: approve, by: [dba], on_timeout: escalate}"}),
              HasSubstr("this version cannot escalate"));
}

const std::string kStart = "{id: up, do: start, services: [app]}";

TEST(Rollback, IsRefusedOnceWritersMayBeBack) {
  EXPECT_EQ(problem_of({kStart, check("a", ", on_fail: rollback")}),
            "12:9: scenarios.lost.steps.a: `on_fail: rollback` would lose what was written since "
            "up started services again\n"
            "  Write on_fail: ask; a person then sees the loss and decides.");
  // Beside the start: it may end after it.
  EXPECT_THAT(problem_of({kStart, check("a", ", needs: [], on_fail: rollback")}),
              HasSubstr("would lose what was written"));
}

TEST(Rollback, IsAllowedBeforeWritersAreBack) {
  const Scenario scenario =
      scenario_of({check("a", ", on_fail: rollback"),
                   "{id: up, do: start, services: [app], on_fail: rollback}", check("b")});
  EXPECT_FALSE(scenario.steps[0].may_follow_start);
  EXPECT_FALSE(scenario.steps[1].may_follow_start);
  EXPECT_TRUE(scenario.steps[2].may_follow_start);
}

}  // namespace
}  // namespace reprieve::plan
