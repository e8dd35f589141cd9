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

constexpr std::string_view kHead = "reprieve: 1\nplan: shop\n";

Plan plan_of(const std::string& rest) {
  auto parsed = parse_plan(as_bytes(std::string{kHead} + rest));
  for (const Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  return parsed.plan ? *std::move(parsed.plan) : Plan{};
}

/// The only problem of the head and `rest`, which is the third line and what follows.
std::string problem_of(const std::string& rest) {
  const auto problems = parse_plan(as_bytes(std::string{kHead} + rest)).problems;
  EXPECT_EQ(problems.size(), 1U);
  for (std::size_t i = 1; i < problems.size(); ++i)
    ADD_FAILURE() << to_text(problems[i]);
  return problems.empty() ? "" : to_text(problems[0]);
}

TEST(Services, ReadObjectivesAndNeeds) {
  const Plan plan = plan_of(
      "services:\n"
      "  db: {rto: 30m, rpo: 0s, tier: 0, sources: [data], health: [up]}\n"
      "  web: {needs: [db]}\n"
      "sources: {data: {type: files, path: /data}}\n"
      "checks: {up: {tcp: \"db:5432\"}}\n");
  const Service& db = plan.services.at(0);
  EXPECT_EQ(db.rto, std::chrono::minutes{30});
  EXPECT_EQ(db.rpo, Duration{0});
  EXPECT_EQ(db.tier, 0U);
  EXPECT_EQ(db.sources.at(0).text, "data");
  EXPECT_EQ(db.health.at(0).text, "up");
  EXPECT_FALSE(db.run);
  const Service& web = plan.services.at(1);
  EXPECT_EQ(web.needs.at(0).text, "db");
  EXPECT_EQ(web.needs.at(0).at, (Position{5, 17}));
  EXPECT_FALSE(web.rto);
}

TEST(Services, RunAsProcessesUnitsOrCommands) {
  const Plan plan = plan_of(
      "services:\n"
      "  a: {run: {process: {argv: [/bin/a, \"1\"], cwd: /srv, env: {PORT: \"80\"}, user: app,"
      " log: /var/log/a, pid_file: /run/a.pid}}}\n"
      "  b: {run: {systemd: \"postgresql@15-main.service\"}}\n"
      "  c: {run: {argv: {start: [up], stop: [down], status: [state, -q]}}}\n");
  const auto& process = std::get<ProcessRun>(*plan.services.at(0).run);
  EXPECT_THAT(process.argv, ElementsAre("/bin/a", "1"));
  EXPECT_EQ(process.cwd, "/srv");
  EXPECT_EQ(process.env.at("PORT"), "80");
  EXPECT_EQ(process.user, "app");
  EXPECT_EQ(process.log, "/var/log/a");
  EXPECT_EQ(process.pid_file, "/run/a.pid");
  EXPECT_EQ(std::get<SystemdRun>(*plan.services.at(1).run).unit, "postgresql@15-main.service");
  const auto& argv = std::get<ArgvRun>(*plan.services.at(2).run);
  EXPECT_THAT(argv.start, ElementsAre("up"));
  EXPECT_THAT(argv.status, ElementsAre("state", "-q"));
}

TEST(Services, RunInExactlyOneWay) {
  const auto problem = [](const std::string& run) {
    return problem_of("services: {a: {run: " + run + "}}\n");
  };
  EXPECT_THAT(problem("{}"), HasSubstr("3:21: services.a.run: needs exactly one way to run"));
  EXPECT_THAT(problem("{systemd: x, process: {argv: [x]}}"), HasSubstr("needs exactly one way"));
  EXPECT_THAT(problem("deployment/web"), HasSubstr("found \"deployment/web\""));
  EXPECT_THAT(problem("{systemd: --now}"), HasSubstr("the name of a unit, found \"--now\""));
  EXPECT_THAT(problem("{systemd: \"a b\"}"), HasSubstr("the name of a unit"));
  EXPECT_THAT(problem("{process: {argv: sleep 5}}"), HasSubstr("expected a command as a list"));
  EXPECT_THAT(problem("{process: {argv: [sleep, 5]}}"),
              HasSubstr("3:46: services.a.run.process.argv[1]: expected text, found the number 5"));
  EXPECT_THAT(problem("{process: {argv: [x], cwd: srv}}"), HasSubstr("expected an absolute path"));
  EXPECT_THAT(problem("{process: {argv: [x], env: {\"A=B\": \"1\"}}}"), HasSubstr("holds no ="));
  EXPECT_THAT(problem("{argv: {start: [x], stop: [y]}}"), HasSubstr("`status` is missing"));
}

TEST(Services, ThatNeedEachOtherInACircleAreNamed) {
  EXPECT_EQ(problem_of("services: {a: {needs: [b]}, b: {needs: [c]}, c: {needs: [a]}}\n"),
            "3:12: services.a: the services need each other in a circle: a -> b -> c -> a\n"
            "  Remove one of these needs: none of them could be started first.");
}

TEST(Services, NameOnlyWhatExists) {
  EXPECT_THAT(problem_of("services: {a: {sources: [x]}}\n"),
              HasSubstr("there is no source \"x\"\n  Write an entry x in the section sources."));
  EXPECT_THAT(problem_of("services: {a: {health: [helth]}}\nchecks: {health: {tcp: \"h:1\"}}\n"),
              HasSubstr("there is no check \"helth\"\n  Did you mean \"health\"?"));
}

TEST(People, HaveKeysAndRolesHavePeople) {
  const std::string key(64, 'A');
  const Plan plan = plan_of("people: {ana: {key: \"ed25519:" + key +
                            "\", email: ana@x.org, phone: \"+1-555\"}, ben: {}}\n"
                            "roles: {dba: [ana], lead: {people: [ana, ben]}}\n");
  EXPECT_EQ(plan.people.at(0).key, std::string(64, 'a'));
  EXPECT_EQ(plan.people.at(0).phone, "+1-555");
  EXPECT_EQ(plan.people.at(1).key, "");
  EXPECT_EQ(plan.roles.at(0).people.at(0).text, "ana");
  EXPECT_EQ(plan.roles.at(1).people.size(), 2U);
}

TEST(People, AKeyIsAnEd25519Key) {
  EXPECT_THAT(problem_of("people: {ana: {key: \"ed25519:abcd\"}}\n"),
              HasSubstr("3:21: people.ana.key: expected a public key such as"));
  EXPECT_THAT(problem_of("people: {ana: {key: \"ssh-rsa AAAA\"}}\n"), HasSubstr("a public key"));
}

TEST(Roles, NameKnownPeople) {
  EXPECT_THAT(problem_of("people: {ana: {}}\nroles: {dba: [anna]}\n"),
              HasSubstr("roles.dba: there is no person \"anna\"\n  Did you mean \"ana\"?"));
  EXPECT_THAT(problem_of("roles: {dba: {peple: [ana], people: []}}\n"),
              HasSubstr("Did you mean \"people\"?"));
}

}  // namespace
}  // namespace reprieve::plan
