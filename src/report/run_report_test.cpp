#include "report/run_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "plan/parse.hpp"
#include "recovery/decide.hpp"
#include "report/internal/html.hpp"

namespace reprieve::report {
namespace {

using recovery::ActKind;
using recovery::ActState;
using recovery::StepRun;
using recovery::StepState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kPlan = R"(reprieve: 1
plan: shop
people: {ana: {key: "ed25519:0000000000000000000000000000000000000000000000000000000000000001"}}
roles: {dba: [ana]}
sources:
  shopdb: {type: postgres, url: "postgres://backup@127.0.0.1/shop", data_dir: /srv/pg}
  uploads: {type: files, path: /srv/uploads}
services:
  db: {rto: 5m, rpo: 30m, sources: [shopdb], run: {systemd: postgresql}, health: [page]}
checks: {page: {http: "http://shop/"}}
scenarios:
  shop-lost:
    goal: {severity: critical, rto: 15m, rpo: 30m}
    steps:
      - {id: stop, do: stop, services: [db]}
      - {id: restore-db, do: db.restore, source: shopdb, needs: [stop]}
      - {id: uploads, do: files.restore, source: uploads, needs: [stop]}
      - {id: ok, do: approve, by: [dba], binds: [restore-db], text: "switch to it?", needs: [restore-db, uploads]}
      - {id: swap, do: switch, of: [restore-db, uploads], needs: [ok]}
      - {id: up, do: start, services: [db]}
    verify: [page]
)";

Instant at(double seconds) {
  return *parse_rfc3339("2026-11-20T14:49:00Z") +
         Duration{static_cast<std::int64_t>(seconds * 1e9)};
}

recovery::Moment moment(double seconds) {
  return {.at = at(seconds), .uptime = at(seconds) - Instant{}, .boot_id = "boot"};
}

void add_act(StepRun& step, ActKind kind, const std::string& call, double from, double to) {
  ActState act;
  act.act.kind = kind;
  act.act.call = call;
  act.phase = ActState::Phase::kDone;
  act.began = at(from);
  act.ended = at(to);
  step.acts.push_back(act);
}

class RunReportTest : public ::testing::Test {
 protected:
  RunReportTest() {
    auto parsed = plan::parse_plan(as_bytes(kPlan));
    for (const plan::Problem& problem : parsed.problems)
      ADD_FAILURE() << to_text(problem);
    if (parsed.plan) plan_ = *std::move(parsed.plan);
    state_.id = "r20261120-144900-3f2a";
    state_.scenario = "shop-lost";
    state_.plan_name = "shop";
    state_.plan_hash = std::string(64, 'a');
    state_.requester = "ana";
    state_.world = "real";
    state_.reason = "disk <died> & \"gone\"";
    state_.host = "ops1";
    state_.version = "0.1.0";
    state_.started = moment(0);
    state_.disaster_at = at(-12);
    run("stop", 0.1, 2.3, "systemctl stop postgresql");
    run("restore-db", 2.4, 48.2,
        "reprieve restore shopdb --at 3fa9c1 --into /srv/pg.reprieve-r1 --json");
    run("uploads", 2.4, 20.9,
        "reprieve restore uploads --at 77ab01 --into /srv/uploads.reprieve-r1 --json");
    run("ok", 48.3, 71.0, "switch to it?");
    run("swap", 71.1, 71.3, "swap /srv/pg.reprieve-r1 and /srv/pg");
    run("up", 71.4, 76.8, "systemctl start postgresql");
    run(std::string{recovery::kFinalChecksStep}, 76.9, 77.5, "check page");
    state_.steps["ok"].waits.push_back(
        {.began = moment(48.3), .ended = moment(71.0), .question = "switch to it?"});
    state_.approvals.push_back(
        {.step = "ok", .person = "ana", .binding = "b", .reason = {}, .at = at(71)});
    state_.steps["restore-db"].outputs = Json{{"point", "3fa9c1d2e4"},
                                              {"point_time", "2026-11-20T14:30:00Z"},
                                              {"point_verified", "data, 2026-11-19"},
                                              {"bytes", 48318382080}};
    state_.steps["uploads"].outputs =
        Json{{"point", "77ab0199ff"}, {"point_time", "2026-11-20T14:31:00Z"}, {"bytes", 1048576}};
    state_.steps[std::string{recovery::kFinalChecksStep}].acts[0].outputs =
        Json{{"results", Json::array({Json{{"check", "page"},
                                           {"verdict", "ok"},
                                           {"measured", "200 in 31 ms"},
                                           {"tries", 1},
                                           {"at", "2026-11-20T14:50:17Z"}}})}};
    state_.outcome = recovery::RunOutcome::kDone;
    state_.finished = moment(77.6);
    state_.records = 61;
  }

  void run(const std::string& id, double from, double to, const std::string& call) {
    StepRun& step = state_.steps[id];
    step.state = StepState::kDone;
    step.generation = 1;
    step.began = moment(from);
    step.ended = moment(to);
    step.end_order = ++state_.ends;
    add_act(step, id == "ok" ? ActKind::kApprove : ActKind::kCommand, call, from, to);
  }

  recovery::Measures measures() {
    return recovery::measure(plan_, state_,
                             {{"shopdb", "2026-11-20T14:29:00Z 1\n2026-11-20T14:48:40Z 2\n"}});
  }

  plan::Plan plan_;
  recovery::RunState state_;
};

TEST_F(RunReportTest, TheCriticalPathIsWhatTheRunWaitedForAtEachTurn) {
  const auto executed = recovery::executed_scenario(plan_.scenarios.at(0));
  EXPECT_THAT(critical_path(executed, state_),
              ElementsAre("stop", "restore-db", "ok", "swap", "up", "final checks"));
}

TEST_F(RunReportTest, JsonSaysWhatWasMeasured) {
  const auto measured = measures();
  const Json json = run_json({.plan = plan_, .state = state_, .measures = measured, .now = at(80)});

  EXPECT_EQ(json["schema"], "reprieve.run/1");
  EXPECT_EQ(json["headline"], "recovered");
  EXPECT_EQ(json["measures"]["recovery_time"]["total_ns"], 89'500'000'000);
  EXPECT_EQ(json["measures"]["recovery_time"]["human_ns"], 22'700'000'000);
  EXPECT_EQ(json["measures"]["data_loss"][0]["lost_writes"], 1);
  EXPECT_EQ(json["measures"]["data_loss"][1]["lost_ns"], nullptr);
  EXPECT_EQ(json["steps"].size(), 7U);
}

TEST_F(RunReportTest, TextFitsATerminalAndMovesNoCursor) {
  state_.steps["up"].error = "bad \x1b[2J thing";
  const auto measured = measures();
  const std::string text =
      run_text({.plan = plan_, .state = state_, .measures = measured, .now = at(80)});

  EXPECT_THAT(text, HasSubstr("recovery time  1m 29s"));
  EXPECT_THAT(text,
              HasSubstr("shopdb: 18m 40s, 1 of 2 acknowledged writes; objective 30m 00s: met"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST_F(RunReportTest, ThePageEscapesWhatComesFromOutsideAndNeedsNothingElse) {
  state_.steps["up"].error = "<script>alert(1)</script>";
  const auto measured = measures();
  const std::string html =
      run_html({.plan = plan_, .state = state_, .measures = measured, .now = at(80)});
  if (const char* const path = std::getenv("REPRIEVE_REPORT_TO")) std::ofstream{path} << html;

  EXPECT_THAT(html, HasSubstr("disk &lt;died&gt; &amp; &quot;gone&quot;"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("src=")));
  EXPECT_THAT(html, Not(HasSubstr("href=")));
  EXPECT_THAT(html, HasSubstr("200 in 31 ms"));
}

TEST_F(RunReportTest, AMissedObjectiveIsInTheHeadline) {
  plan_.scenarios[0].goal.rto = std::chrono::seconds{30};
  const auto measured = measures();
  EXPECT_EQ(headline_of({.plan = plan_, .state = state_, .measures = measured, .now = at(80)}).text,
            "recovered, an objective was missed");
}

TEST_F(RunReportTest, AnUnfinishedRunSaysThatItWaits) {
  state_.outcome.reset();
  state_.steps["ok"].is_asked = true;
  const auto measured = measures();
  EXPECT_EQ(headline_of({.plan = plan_, .state = state_, .measures = measured, .now = at(80)}).text,
            "waiting for a person");
}

TEST(Escape, LeavesNothingThatHtmlGivesAMeaning) {
  EXPECT_EQ(escape("a<b>&\"'\x01"), "a&lt;b&gt;&amp;&quot;&#39;\xef\xbf\xbd");
}

}  // namespace
}  // namespace reprieve::report
