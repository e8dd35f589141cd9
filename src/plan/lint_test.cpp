#include "plan/lint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plan/parse.hpp"

namespace reprieve::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kHead =
    "reprieve: 1\n"
    "plan: shop\n"
    "secrets: {r: {from: \"env:R\"}}\n"
    "storage: {near: {url: /near, password: r}}\n"
    "sources: {db: {type: postgres, url: \"postgres://u@h/d\", data_dir: /pg},"
    " up: {type: files, path: /up}}\n"
    "checks: {ok: {tcp: \"h:1\"}}\n";

std::vector<Finding> findings_of(const std::string& rest) {
  const auto parsed = parse_plan(as_bytes(kHead + rest));
  for (const Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  return parsed.plan ? lint(*parsed.plan) : std::vector<Finding>{};
}

/// "rule subject: reason" of every finding.
std::vector<std::string> texts_of(const std::string& rest) {
  std::vector<std::string> texts;
  for (const Finding& finding : findings_of(rest))
    texts.push_back(finding.rule + " " + finding.subject + ": " + finding.reason);
  return texts;
}

std::string with_policy(const std::string& policy, const std::string& rpo = "20m") {
  return "services: {app: {rpo: " + rpo + ", sources: [up]}}\nbackup: [" + policy + "]\n";
}

TEST(Lint, ABackupMustRunMoreOftenThanTheRpo) {
  EXPECT_THAT(texts_of(with_policy("{sources: [up], every: 20m}")),
              ElementsAre("backup-interval-over-rpo services.app: 20m of up, and as long as one "
                          "backup takes, may be lost: the rpo is 20m"));
  EXPECT_THAT(texts_of(with_policy("{sources: [up], every: 15m, estimate: 10m}")),
              ElementsAre("backup-interval-over-rpo services.app: up to 25m of up may be lost "
                          "(15m between backups + 10m for one): the rpo is 20m"));
  EXPECT_THAT(texts_of(with_policy("{sources: [up], every: daily 02:00 UTC}")),
              ElementsAre(HasSubstr("1d of up, and as long as")));
  EXPECT_THAT(texts_of(with_policy("{sources: [up], every: 1m}", "0s")),
              ElementsAre(HasSubstr("the rpo is 0s")));
}

TEST(Lint, ABackupThatRunsOftenEnoughIsFine) {
  EXPECT_THAT(texts_of(with_policy("{sources: [up], every: 19m}")), IsEmpty());
  EXPECT_THAT(texts_of(with_policy("{sources: [up], every: 15m, estimate: 5m}")), IsEmpty());
  // The best policy counts.
  EXPECT_THAT(texts_of(with_policy("{sources: [up], every: 1d}, {sources: [up], every: 5m}")),
              IsEmpty());
}

TEST(Lint, ALogKeepsAnRpoOfSecondsIfThereAreBackupsThatItGoesOnFrom) {
  const auto plan = [](const std::string& rpo, const std::string& policies) {
    return "services: {app: {rpo: " + rpo + ", sources: [db]}}\nbackup: [" + policies + "]\n";
  };
  const std::string both = "{sources: [db], every: 1d}, {sources: [db], every: continuous}";
  EXPECT_THAT(texts_of(plan("2s", both)), IsEmpty());
  EXPECT_THAT(texts_of(plan("0s", both)),
              ElementsAre("backup-interval-over-rpo services.app: up to 1s of db may be lost, "
                          "unless its receiver is synchronous: the rpo is 0s"));
  EXPECT_THAT(texts_of(plan("2s", "{sources: [db], every: continuous}")),
              ElementsAre("log-without-backup sources.db: the log of db goes to near, and no "
                          "backups of it do"));
}

TEST(Lint, AnRpoNeedsASchedule) {
  EXPECT_THAT(texts_of(with_policy("{sources: [up]}")),
              ElementsAre("backup-without-schedule services.app: the rpo is 20m, but no policy of "
                          "up says how often it runs"));
  EXPECT_THAT(texts_of("services: {app: {sources: [up]}}\nbackup: [{sources: [up]}]\n"), IsEmpty());
}

TEST(Lint, AScenariosRpoCountsForWhatItRestores) {
  const std::string scenario =
      "scenarios: {s: {goal: {rpo: 5m}, steps: [{id: r, do: files.restore, source: up}]}}\n";
  EXPECT_THAT(texts_of("backup: [{sources: [up], every: 1h}]\n" + scenario),
              ElementsAre(HasSubstr("backup-interval-over-rpo scenarios.s.steps.r")));
  EXPECT_THAT(texts_of("backup: [{sources: [up], every: 1m}]\n" + scenario), IsEmpty());
}

TEST(Lint, EverySourceOfAServiceIsBackedUp) {
  EXPECT_THAT(texts_of("services: {app: {sources: [up, db]}}\nbackup: [{sources: [db]}]\n"),
              ElementsAre("source-without-backup services.app: app needs the source up, which no "
                          "entry of backup covers"));
  EXPECT_THAT(texts_of("services: {app: {sources: [up, db]}}\nbackup: [{sources: [db, up]}]\n"),
              IsEmpty());
}

TEST(Lint, EveryRestoredSourceIsBackedUp) {
  EXPECT_THAT(
      texts_of("scenarios: {s: {steps: [{id: r, do: db.restore, source: db}]}}\n"),
      ElementsAre("source-without-backup scenarios.s.steps.r: the step restores db, which no "
                  "entry of backup covers"));
}

TEST(Lint, AServiceIsNotFasterThanWhatItNeeds) {
  const auto findings = findings_of("services: {db: {rto: 30m}, app: {rto: 5m, needs: [db]}}\n");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].rule, "rto-under-dependency");
  EXPECT_EQ(findings[0].subject, "services.app");
  EXPECT_EQ(findings[0].reason,
            "app must be back within 5m, but needs db, which may take 30m: 5m < 30m");
  EXPECT_EQ(findings[0].remedy, "Raise the rto of app to 30m, or lower the one of db.");
  EXPECT_EQ(findings[0].at, (Position{7, 51}));
}

TEST(Lint, AServiceAsFastAsWhatItNeedsIsFine) {
  EXPECT_THAT(texts_of("services: {db: {rto: 30m}, app: {rto: 30m, needs: [db]}}\n"), IsEmpty());
  EXPECT_THAT(texts_of("services: {db: {}, app: {rto: 5m, needs: [db]}}\n"), IsEmpty());
}

TEST(Lint, ASecretInTheEnvironmentIsFound) {
  const auto texts =
      texts_of("services: {app: {run: {process: {argv: [x], env: {DB_PASSWORD: hunter2}}}}}\n");
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_THAT(texts[0], HasSubstr("secret-literal services.app.run.process.env.DB_PASSWORD"));
  EXPECT_THAT(texts[0], ::testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(texts_of("services: {app: {run: {process: {argv: [x], env: "
                       "{DB_PASSWORD: /run/secrets/db, MODE: fast}}}}}\n"),
              IsEmpty());
}

std::string with_steps(const std::string& steps, const std::string& goal = "{}",
                       const std::string& verify = "[]") {
  return "backup: [{sources: [db, up], every: 1m}]\n"
         "services: {app: {run: {systemd: app}}}\n"
         "people: {ana: {key: \"ed25519:" +
         std::string(64, '1') + "\"}, ben: {key: \"ed25519:" + std::string(64, '2') +
         "\"}, cyd: {key: \"ed25519:" + std::string(64, '3') +
         "\"}}\n"
         "roles: {dba: [ana, ben], lead: [cyd]}\n"
         "scenarios: {s: {goal: " +
         goal + ", verify: " + verify + ", steps: [" + steps + "]}}\n";
}

TEST(Lint, TheLongestChainMustFitTheRto) {
  const std::string steps =
      "{id: a, do: check, run: [ok], estimate: 10m},"
      "{id: b, do: check, run: [ok], needs: [], estimate: 25m},"
      "{id: c, do: check, run: [ok], needs: [a, b]},"
      "{id: d, do: check, run: [ok], estimate: 10m}";
  EXPECT_THAT(texts_of(with_steps(steps, "{rto: 30m}", "[ok]")),
              ElementsAre("estimates-over-rto scenarios.s: the longest chain of steps takes "
                          "b 25m + d 10m = 35m, more than the rto of 30m"));
  EXPECT_THAT(texts_of(with_steps(steps, "{rto: 35m}", "[ok]")), IsEmpty());
}

TEST(Lint, ARecoveryHasAnEnd) {
  const std::string step = "{id: a, do: check, run: [ok]}";
  EXPECT_THAT(texts_of(with_steps(step, "{rto: 30m}")),
              ElementsAre("recovery-without-end scenarios.s: the rto is 30m, but no check says "
                          "when the recovery is over"));
  EXPECT_THAT(texts_of(with_steps(step, "{rto: 30m}", "[ok]")), IsEmpty());
  EXPECT_THAT(texts_of(with_steps(step)), IsEmpty());
}

TEST(Lint, SomebodyIsAskedBeforeDestruction) {
  const std::string restore = "{id: r, do: db.restore, source: db, into: /pg}";
  EXPECT_THAT(texts_of(with_steps(restore)),
              ElementsAre(HasSubstr("destruction-without-approval scenarios.s.steps.r")));
  EXPECT_THAT(texts_of(with_steps("{id: ok, do: approve, by: [dba]}, " + restore)), IsEmpty());
  EXPECT_THAT(texts_of(with_steps("{id: r, do: run, argv: [x], idempotent: false}")),
              ElementsAre(HasSubstr("destruction-without-approval")));
  EXPECT_THAT(texts_of(with_steps("{id: r, do: run, argv: [x], idempotent: true}")), IsEmpty());
}

TEST(Lint, WhatIsRestoredIsLookedAtBeforeTheSwitch) {
  const std::string restore = "{id: r, do: db.restore, source: db}, ";
  EXPECT_THAT(texts_of(with_steps(restore + "{id: s, do: switch, of: [r]}")),
              ElementsAre(HasSubstr("switch-without-check scenarios.s.steps.s: nothing looks at "
                                    "what r restored")));
  EXPECT_THAT(texts_of(with_steps(restore + "{id: c, do: check, run: [ok], against: "
                                            "\"{r.target}\"}, {id: s, do: switch, of: [r]}")),
              IsEmpty());
}

TEST(Lint, WhatIsStoppedIsStartedAgain) {
  const std::string stop = "{id: a, do: stop, services: [app]}";
  EXPECT_THAT(texts_of(with_steps(stop)),
              ElementsAre("stop-without-start scenarios.s.steps.a: app is stopped and no later "
                          "step starts it again"));
  EXPECT_THAT(texts_of(with_steps(stop + ", {id: b, do: start, services: [app]}")), IsEmpty());
  EXPECT_THAT(texts_of(with_steps(stop + ", {id: b, do: start, services: [app], needs: []}")),
              ElementsAre(HasSubstr("stop-without-start")));
}

TEST(Lint, OnePersonWhoSleepsDoesNotStopTheRecovery) {
  EXPECT_THAT(texts_of(with_steps("{id: k, do: approve, by: [lead]}")),
              ElementsAre(HasSubstr("no-spare-approver scenarios.s.steps.k: 1 approval(s) are "
                                    "needed, and 1 people can give one")));
  EXPECT_THAT(texts_of(with_steps("{id: k, do: approve, by: [dba], not: requester}")),
              ElementsAre(HasSubstr("none by who started the run")));
  EXPECT_THAT(texts_of(with_steps("{id: k, do: approve, by: [dba, lead], not: requester}")),
              IsEmpty());
}

TEST(Lint, PlaceholdersAreFound) {
  EXPECT_THAT(texts_of("people: {ana: {email: ana@example.com, phone: \"+1-555-0100\"}}\n"),
              ElementsAre(HasSubstr("placeholder people.ana.email: \"ana@example.com\" looks"),
                          HasSubstr("placeholder people.ana.phone")));
  EXPECT_THAT(texts_of("people: {ana: {email: ana@reprieve.dev, phone: \"+49 30 1234\"}}\n"),
              IsEmpty());
}

TEST(Lint, FindingsComeInTheOrderOfTheText) {
  const auto findings = findings_of(
      "people: {ana: {email: ChangeMe}}\n"
      "services: {db: {rto: 30m}, app: {rto: 5m, needs: [db], sources: [up]}}\n");
  std::vector<std::string> rules;
  for (const Finding& finding : findings)
    rules.push_back(finding.rule);
  EXPECT_THAT(rules, ElementsAre("placeholder", "rto-under-dependency", "source-without-backup"));
}

}  // namespace
}  // namespace reprieve::plan
