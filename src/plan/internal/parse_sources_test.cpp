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
using ::testing::Not;

constexpr std::string_view kHead =
    "reprieve: 1\n"
    "plan: shop\n"
    "secrets: {pg: {from: \"file:/etc/pg\"}, repo: {from: \"env:REPO_PASSWORD\"}}\n"
    "storage: {near: {url: \"file:///srv/repo\", password: repo}, far: {url: /mnt/r, key: repo}}\n";

Plan plan_of(const std::string& rest) {
  auto parsed = parse_plan(as_bytes(std::string{kHead} + rest));
  for (const Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  return parsed.plan ? *std::move(parsed.plan) : Plan{};
}

std::vector<std::string> problems_of(const std::string& text) {
  std::vector<std::string> problems;
  for (const Problem& problem : parse_plan(as_bytes(text)).problems)
    problems.push_back(to_text(problem));
  return problems;
}

/// The only problem of the head and `rest`, which is the fifth line and what follows.
std::string problem_of(const std::string& rest) {
  const auto problems = problems_of(std::string{kHead} + rest);
  EXPECT_EQ(problems.size(), 1U) << ::testing::PrintToString(problems);
  return problems.empty() ? "" : problems[0];
}

TEST(Secrets, AreReferences) {
  const Plan plan = plan_of("");
  ASSERT_EQ(plan.secrets.size(), 2U);
  EXPECT_EQ(plan.secrets[0].from, Secret::From::kFile);
  EXPECT_EQ(plan.secrets[0].where, "/etc/pg");
  EXPECT_EQ(plan.secrets[1].from, Secret::From::kEnvironment);
  EXPECT_EQ(plan.secrets[1].where, "REPO_PASSWORD");
}

TEST(Secrets, ALiteralValueIsRefusedAndNeverShown) {
  for (const auto* value : {"hunter2", "{from: hunter2}", "{from: \"env:hunter2-x\"}", "[hunter2]",
                            "{from: [hunter2]}", "{from: \"file:hunter2\"}"}) {
    const auto problems =
        problems_of("reprieve: 1\nplan: x\nsecrets: {pg: " + std::string{value} + "}\n");
    ASSERT_EQ(problems.size(), 1U) << value;
    EXPECT_THAT(problems[0], Not(HasSubstr("hunter2")));
    EXPECT_THAT(problems[0], HasSubstr("a plan is shared"));
  }
}

TEST(Secrets, AValueInPlaceOfAReferenceIsNotShown) {
  EXPECT_EQ(problem_of("sources:\n  db: {type: postgres, url: \"postgres://u@h/d\", "
                       "password: correct-horse-battery}\n"),
            "6:59: sources.db.password: this names no entry of the section secrets\n"
            "  Known: pg, repo.");
}

TEST(Storage, TakesPathsAndFileUrlsAndKeepsTheirOrder) {
  const Plan plan = plan_of("");
  ASSERT_EQ(plan.storages.size(), 2U);
  EXPECT_EQ(plan.storages[0].name, "near");
  EXPECT_EQ(plan.storages[0].location, "/srv/repo");
  EXPECT_EQ(plan.storages[0].unlock, Storage::Unlock::kPassword);
  EXPECT_EQ(plan.storages[1].location, "/mnt/r");
  EXPECT_EQ(plan.storages[1].unlock, Storage::Unlock::kKey);
  EXPECT_EQ(plan.storages[1].secret.text, "repo");
}

TEST(Storage, TakesS3UrlsWithAnAccount) {
  const std::string head =
      "reprieve: 1\nplan: x\nsecrets: {r: {from: \"env:R\"}, a: {from: \"env:A\"}}\nstorage:\n";
  const auto parsed = parse_plan(as_bytes(
      head + "  s: {url: \"s3://b/p?region=eu\", password: r, access_key: a, secret_key: r}\n"));
  ASSERT_THAT(parsed.problems, IsEmpty());
  const Storage& storage = parsed.plan->storages.at(0);
  EXPECT_EQ(storage.location, "s3://b/p?region=eu");
  EXPECT_EQ(storage.access_key->text, "a");
  EXPECT_EQ(storage.secret_key->text, "r");
  EXPECT_THAT(problems_of(head + "  s: {url: \"s3://b\", password: r, access_key: a}\n"),
              ElementsAre(HasSubstr("needs both `access_key` and `secret_key`")));
  EXPECT_THAT(
      problems_of(head + "  s: {url: \"s3://b\", password: r, access_key: a, secret_key: q}\n"),
      ElementsAre(HasSubstr("storage.s.secret_key: this names no entry")));
  EXPECT_THAT(problems_of(head + "  s: {url: /b, password: r, access_key: a, secret_key: r}\n"),
              ElementsAre(HasSubstr("a folder has no account")));
  const auto with_key = problems_of(head + "  s: {url: \"s3://id:geheim@b\", password: r}\n");
  ASSERT_EQ(with_key.size(), 1U);
  EXPECT_THAT(with_key[0], HasSubstr("holds no credentials"));
  EXPECT_THAT(with_key[0], Not(HasSubstr("geheim")));
}

TEST(Storage, MayBeAReplicaOfAnotherAndHasItsKeysThen) {
  const std::string head =
      "reprieve: 1\nplan: x\nsecrets: {r: {from: \"env:R\"}}\nstorage:\n"
      "  near: {url: /n, key: r}\n";
  const auto parsed = parse_plan(
      as_bytes(head + "  far: {url: /f, replica_of: near}\n  other: {url: /o, key: r}\n"));
  ASSERT_THAT(parsed.problems, IsEmpty());
  const Plan& plan = *parsed.plan;
  ASSERT_EQ(plan.replicas_of("near").size(), 1U);
  EXPECT_EQ(plan.replicas_of("near")[0]->name, "far");
  EXPECT_THAT(plan.replicas_of("other"), IsEmpty());
  EXPECT_EQ(plan.storages[1].unlock, Storage::Unlock::kKey);
  EXPECT_EQ(plan.storages[1].secret.text, "r");
}

TEST(Storage, IsNoReplicaOfItselfOrAReplicaOrWithKeysOfItsOwn) {
  const std::string head =
      "reprieve: 1\nplan: x\nsecrets: {r: {from: \"env:R\"}}\nstorage:\n"
      "  near: {url: /n, key: r}\n";
  const std::string far = "  far: {url: /f, replica_of: near}\n";
  EXPECT_THAT(problems_of(head + "  far: {url: /f, replica_of: nerr}\n"),
              ElementsAre(HasSubstr("6:30: storage.far.replica_of: there is no storage \"nerr\"\n"
                                    "  Did you mean \"near\"?")));
  EXPECT_THAT(problems_of(head + "  far: {url: /f, replica_of: far}\n"),
              ElementsAre(HasSubstr("no replica of itself")));
  EXPECT_THAT(problems_of(head + far + "  third: {url: /t, replica_of: far}\n"),
              ElementsAre(HasSubstr("this one is a replica, too\n  Name its primary, near.")));
  EXPECT_THAT(problems_of(head + "  far: {url: /f, replica_of: near, key: r}\n"),
              ElementsAre(HasSubstr("a replica is unlocked as its primary")));
  EXPECT_THAT(problems_of("reprieve: 1\nplan: x\nsecrets: {r: {from: \"env:R\"}}\nstorage:\n" +
                          far + "  near: {url: /n, key: r}\n"),
              ElementsAre(HasSubstr("the first storage is where backups go")));
  EXPECT_THAT(problems_of(head + far +
                          "sources: {f: {type: files, path: /srv}}\n"
                          "backup: [{sources: [f], to: [near, far]}]\n"),
              ElementsAre(HasSubstr("backup: far is a replica, which takes no backups")));
}

TEST(Storage, NeedsAFolderAndOneSecret) {
  const std::string head = "reprieve: 1\nplan: x\nsecrets: {r: {from: \"env:R\"}}\nstorage:\n";
  EXPECT_THAT(problems_of(head + "  a: {url: repo, password: r}\n"),
              ElementsAre("5:12: storage.a.url: expected an absolute path or a URL such as "
                          "file:///srv/repo, found \"repo\""));
  EXPECT_THAT(problems_of(head + "  a: {url: \"file://host/repo\", password: r}\n"),
              ElementsAre(HasSubstr("5:12: storage.a.url: expected an absolute path")));
  EXPECT_THAT(problems_of(head + "  a: {url: /r}\n"),
              ElementsAre(HasSubstr("5:6: storage.a: needs exactly one of `password` and `key`")));
  EXPECT_THAT(problems_of(head + "  a: {url: /r, password: r, key: r}\n"),
              ElementsAre(HasSubstr("needs exactly one")));
}

TEST(Sources, FilesTakeOnePathOrMany) {
  const Plan plan = plan_of(
      "sources:\n"
      "  one: {type: files, path: /srv/a}\n"
      "  two: {type: files, path: [/srv/a, data/], exclude: ['*.tmp'], one_file_system: true,"
      " cachedir_tag: false}\n");
  const auto& one = std::get<FilesSource>(plan.sources.at(0).kind);
  EXPECT_THAT(one.paths, ElementsAre("/srv/a"));
  EXPECT_FALSE(one.one_file_system);
  EXPECT_TRUE(one.cachedir_tag);
  const auto& two = std::get<FilesSource>(plan.sources.at(1).kind);
  EXPECT_THAT(two.paths, ElementsAre("/srv/a", "data/"));
  EXPECT_THAT(two.exclude, ElementsAre("*.tmp"));
  EXPECT_TRUE(two.one_file_system);
  EXPECT_FALSE(two.cachedir_tag);
}

TEST(Sources, PostgresIsReadFromItsUrl) {
  const Plan plan = plan_of(
      "sources:\n"
      "  db: {type: postgres, url: \"postgres://backup@db.internal:5433/shop?sslmode=require\",\n"
      "       password: pg, data_dir: /var/lib/postgresql/15/main, user: postgres}\n"
      "  local: {type: postgres, url: \"postgresql://me@/shop?host=/run/postgresql\"}\n"
      "  six: {type: postgres, url: \"postgres://me@[::1]:5434/shop\"}\n");
  const auto& db = std::get<PostgresSource>(plan.sources.at(0).kind);
  EXPECT_EQ(db.user, "backup");
  EXPECT_EQ(db.host, "db.internal");
  EXPECT_EQ(db.port, 5433);
  EXPECT_EQ(db.database, "shop");
  EXPECT_EQ(db.password->text, "pg");
  EXPECT_EQ(db.data_dir, "/var/lib/postgresql/15/main");
  EXPECT_EQ(db.os_user, "postgres");
  const auto& local = std::get<PostgresSource>(plan.sources.at(1).kind);
  EXPECT_EQ(local.host, "/run/postgresql");
  EXPECT_EQ(local.port, 5432);
  const auto& six = std::get<PostgresSource>(plan.sources.at(2).kind);
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.port, 5434);
}

TEST(Sources, APasswordInAUrlIsRefusedAndNeverShown) {
  for (const auto* url : {"postgres://u:hunter2@h/d", "postgres://u@h/d?password=hunter2"}) {
    const std::string problem =
        problem_of("sources: {db: {type: postgres, url: \"" + std::string{url} + "\"}}\n");
    EXPECT_THAT(problem, HasSubstr("5:37: sources.db.url: a password must not stand in the URL"));
    EXPECT_THAT(problem, Not(HasSubstr("hunter2")));
  }
}

TEST(Sources, AUrlMustBeComplete) {
  const auto problem = [](const std::string& url) {
    return problem_of("sources: {db: {type: postgres, url: \"" + url + "\"}}\n");
  };
  EXPECT_THAT(problem("mysql://u@h/d"), HasSubstr("does not begin with postgres://"));
  EXPECT_THAT(problem("postgres://h/d"), HasSubstr("names no user"));
  EXPECT_THAT(problem("postgres://u@/d"), HasSubstr("names no host"));
  EXPECT_THAT(problem("postgres://u@h"), HasSubstr("names no database"));
  EXPECT_THAT(problem("postgres://u@h:99999/d"), HasSubstr("port cannot be read"));
  EXPECT_THAT(problem("postgres://u@[::1/d"), HasSubstr("port cannot be read"));
}

TEST(Sources, NeedAKnownType) {
  EXPECT_EQ(problem_of("sources: {db: {type: postgers, url: x}}\n"),
            "5:22: sources.db.type: expected one of files, postgres, found \"postgers\"\n"
            "  Did you mean \"postgres\"?");
  EXPECT_THAT(problem_of("sources: {db: {url: x}}\n"), HasSubstr("`type` is missing"));
  EXPECT_THAT(problem_of("sources: {f: {type: files}}\n"), HasSubstr("`path` is missing"));
  EXPECT_THAT(problem_of("sources: {f: {type: files, path: []}}\n"),
              HasSubstr("expected a path or a list of paths, found a list"));
  EXPECT_THAT(problem_of("sources: {f: {type: files, path: /a, data_dir: /b}}\n"),
              HasSubstr("unknown key \"data_dir\""));
}

TEST(Sources, OneThatCannotBeReadIsNotReportedWhereItIsUsed) {
  EXPECT_THAT(problem_of("sources: {db: {type: postgers}}\n"
                         "services: {web: {sources: [db]}}\n"
                         "checks: {up: {sql: \"select 1\", source: db}}\n"),
              HasSubstr("sources.db.type"));
}

const std::string kSources = "sources: {a: {type: files, path: /a}, b: {type: files, path: /b}}\n";

TEST(Backup, ReadsSchedulesAndRetention) {
  const Plan plan = plan_of(kSources +
                            "backup:\n"
                            "  - {sources: [a], every: 15m, keep: {last: 3, daily: 30, within: 2d},"
                            " estimate: 2m}\n"
                            "  - {sources: [a, b], to: [far, near], every: daily 02:30 UTC}\n"
                            "  - {sources: [b], every: 'daily \"23:59 UTC\"'}\n"
                            "  - {sources: [b]}\n");
  ASSERT_EQ(plan.backups.size(), 4U);
  EXPECT_EQ(std::get<EverySchedule>(*plan.backups[0].every).interval, std::chrono::minutes{15});
  EXPECT_EQ(plan.backups[0].keep.last, 3U);
  EXPECT_EQ(plan.backups[0].keep.daily, 30U);
  EXPECT_EQ(plan.backups[0].keep.within, std::chrono::hours{48});
  EXPECT_EQ(plan.backups[0].estimate, std::chrono::minutes{2});
  EXPECT_EQ(plan.backups[0].to.at(0).text, "near");  // The first storage is the default.
  EXPECT_EQ(plan.backups[1].to.at(0).text, "far");
  EXPECT_EQ(std::get<DailySchedule>(*plan.backups[1].every).minute_of_day, 150U);
  EXPECT_EQ(std::get<DailySchedule>(*plan.backups[2].every).minute_of_day, 1439U);
  EXPECT_FALSE(plan.backups[3].every);
}

TEST(Backup, ReadsHowNewPointsAreProved) {
  const Plan plan = plan_of(kSources + "backup: [{sources: [a], every: 1h, verify: restore}]\n");
  EXPECT_EQ(plan.backups.at(0).verify, Proof::kRestore);
  EXPECT_THAT(problem_of(kSources + "backup: [{sources: [a], verify: full}]\n"),
              HasSubstr("reach"));
}

TEST(Backup, RefusesWhatItCannotSchedule) {
  const auto problem = [](const std::string& policy) {
    return problem_of(kSources + "backup: [" + policy + "]\n");
  };
  EXPECT_THAT(problem("{sources: [a], every: 0s}"), HasSubstr("a duration above zero"));
  EXPECT_THAT(problem("{sources: [a], every: daily 24:00 UTC}"), HasSubstr("a time of day"));
  EXPECT_THAT(problem("{sources: [a], every: daily 02:00}"), HasSubstr("a time of day"));
  EXPECT_THAT(problem("{sources: [a], every: weekly}"), HasSubstr("backup[0].every: expected a"));
  EXPECT_THAT(problem("{sources: []}"), HasSubstr("at least one source"));
  EXPECT_THAT(problem("{sources: [a], keep: {daily: 0}}"), HasSubstr("would keep nothing"));
  EXPECT_THAT(problem("{sources: [a], keep: {daily: -1}}\n"), HasSubstr("a whole number from 0"));
  EXPECT_THAT(problem("{sources: [a], wal: {}}"), HasSubstr("does not know it yet"));
}

TEST(Backup, ReceivesTheLogOfDatabasesOnly) {
  const std::string sources =
      "sources: {a: {type: files, path: /a}, db: {type: postgres, url: \"postgres://u@h/d\"}}\n";
  const auto problem = [&](const std::string& policy) {
    return problem_of(sources + "backup: [" + policy + "]\n");
  };
  EXPECT_TRUE(plan_of(sources + "backup: [{sources: [db], every: continuous}]\n")
                  .backups.at(0)
                  .is_continuous());
  EXPECT_THAT(problem("{sources: [db, a], every: continuous}"),
              HasSubstr("expected a postgres source for a continuous policy, but a is none"));
  EXPECT_THAT(problem("{sources: [db], every: continuous, keep: {daily: 3}}"),
              HasSubstr("keep: a continuous policy takes no backups"));
  EXPECT_THAT(problem("{sources: [db], every: continuous, verify: data}"),
              HasSubstr("verify: a continuous policy takes no backups"));
  EXPECT_THAT(problem("{sources: [db], every: continuous, estimate: 3m}"),
              HasSubstr("estimate: a continuous policy takes no backups"));
}

TEST(Backup, RefusesUnknownSourcesAndStorages) {
  EXPECT_THAT(problem_of(kSources + "backup: [{sources: [c]}]\n"),
              HasSubstr("6:21: backup: there is no source \"c\"\n  Known: a, b."));
  EXPECT_THAT(problem_of(kSources + "backup: [{sources: [a], to: [nearr]}]\n"),
              HasSubstr("there is no storage \"nearr\"\n  Did you mean \"near\"?"));
}

TEST(Backup, NeedsAStorage) {
  EXPECT_THAT(problems_of("reprieve: 1\nplan: x\n" + kSources + "backup: [{sources: [a]}]\n"),
              ElementsAre(HasSubstr("4:10: backup: the plan has no storage to back up to")));
}

}  // namespace
}  // namespace reprieve::plan
