#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "plan/parse.hpp"

namespace reprieve::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kHead =
    "reprieve: 1\n"
    "plan: shop\n"
    "sources: {db: {type: postgres, url: \"postgres://u@h/d\"}, f: {type: files, path: /f}}\n";

/// The check `c`.
Check check_of(const std::string& check) {
  auto parsed = parse_plan(as_bytes(std::string{kHead} + "checks: {c: " + check + "}\n"));
  for (const Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  return parsed.plan ? parsed.plan->checks.at(0) : Check{};
}

std::string problem_of(const std::string& check) {
  const auto problems =
      parse_plan(as_bytes(std::string{kHead} + "checks: {c: " + check + "}\n")).problems;
  EXPECT_EQ(problems.size(), 1U) << check;
  return problems.empty() ? "" : to_text(problems[0]);
}

TEST(Checks, HaveDefaults) {
  const Check check = check_of("{tcp: \"db:5432\"}");
  EXPECT_EQ(check.timeout, std::chrono::seconds{10});
  EXPECT_EQ(check.tries, 1U);
  EXPECT_EQ(check.every, std::chrono::seconds{2});
  EXPECT_EQ(check.stable, Duration{0});
}

TEST(Checks, TakeTheirTimes) {
  const Check check = check_of("{tcp: \"db:5432\", timeout: 1s, tries: 5, every: 3s, stable: 30s}");
  EXPECT_EQ(check.timeout, std::chrono::seconds{1});
  EXPECT_EQ(check.tries, 5U);
  EXPECT_EQ(check.every, std::chrono::seconds{3});
  EXPECT_EQ(check.stable, std::chrono::seconds{30});
}

TEST(Checks, ReadHttp) {
  const auto http = std::get<HttpCheck>(
      check_of("{http: \"https://x.org/h\", status: 204, contains: ok, under: 800ms,"
               " json: {db.state: ok, nodes: 3, ready: true, note: null, load: 0.5}}")
          .kind);
  EXPECT_EQ(http.url, "https://x.org/h");
  EXPECT_EQ(http.status, 204);
  EXPECT_EQ(http.contains, "ok");
  EXPECT_EQ(http.under, std::chrono::milliseconds{800});
  ASSERT_EQ(http.json.size(), 5U);
  EXPECT_EQ(http.json[0], (std::pair<std::string, Scalar>{"db.state", "ok"}));
  EXPECT_EQ(http.json[1].second, Scalar{std::int64_t{3}});
  EXPECT_EQ(http.json[2].second, Scalar{true});
  EXPECT_EQ(http.json[3].second, Scalar{});
  EXPECT_EQ(http.json[4].second, Scalar{0.5});
}

TEST(Checks, ReadTcp) {
  const auto name = std::get<TcpCheck>(check_of("{tcp: \"db.internal:5432\"}").kind);
  EXPECT_EQ(name.host, "db.internal");
  EXPECT_EQ(name.port, 5432);
  EXPECT_EQ(std::get<TcpCheck>(check_of("{tcp: \"[::1]:80\"}").kind).host, "::1");
}

TEST(Checks, ReadSql) {
  using Compare = SqlCheck::Compare;
  const auto sql = [](const std::string& rest) {
    return std::get<SqlCheck>(check_of("{sql: \"select 1\", source: db" + rest + "}").kind);
  };
  EXPECT_EQ(sql("").compare, Compare::kSucceeds);
  EXPECT_EQ(sql("").source->text, "db");
  EXPECT_EQ(sql(", want: \"1\"").want, Scalar{"1"});
  EXPECT_EQ(sql(", want: 1").want, Scalar{std::int64_t{1}});
  EXPECT_EQ(sql(", want: {at_least: 10}").compare, Compare::kAtLeast);
  EXPECT_EQ(sql(", want: {at_most: 10.5}").want, Scalar{10.5});
  EXPECT_EQ(sql(", want: {not_equals: x}").compare, Compare::kNotEquals);
  EXPECT_EQ(sql(", want: {equals: null}").want, Scalar{});
  const auto by_url =
      std::get<SqlCheck>(check_of("{sql: \"select 1\", url: \"postgres://u@h/d\"}").kind);
  EXPECT_EQ(by_url.url, "postgres://u@h/d");
  EXPECT_FALSE(by_url.source);
}

TEST(Checks, ReadFilesAndCommands) {
  const auto file = std::get<FileCheck>(
      check_of("{file: /srv/x, min_size: 10MiB, contains: y, sha256: " + std::string(64, 'A') + "}")
          .kind);
  EXPECT_EQ(file.path, "/srv/x");
  EXPECT_TRUE(file.exists);
  EXPECT_EQ(file.min_size, ByteCount{10U << 20});
  EXPECT_EQ(file.sha256, std::string(64, 'a'));
  EXPECT_FALSE(std::get<FileCheck>(check_of("{file: /srv/x, exists: false}").kind).exists);
  const auto argv = std::get<ArgvCheck>(check_of("{argv: [a, b], exit: 3, contains: z}").kind);
  EXPECT_EQ(argv.argv.size(), 2U);
  EXPECT_EQ(argv.exit, 3);
  EXPECT_EQ(argv.contains, "z");
}

TEST(Checks, CheckOneThingEach) {
  EXPECT_EQ(problem_of("{tcp: \"a:1\", file: /x}"),
            "4:13: checks.c: needs exactly one of `http`, `tcp`, `sql`, `file` and `argv`\n"
            "  One entry checks one thing: write another entry for the other.");
  EXPECT_THAT(problem_of("{timeout: 5s}"), HasSubstr("needs exactly one of"));
  EXPECT_THAT(problem_of("{tcp: \"a:1\", status: 200}"), HasSubstr("unknown key \"status\""));
}

TEST(Checks, SayWhatTheyCannotRead) {
  EXPECT_THAT(problem_of("{http: x.org}"), HasSubstr("4:20: checks.c.http: expected a URL"));
  EXPECT_THAT(problem_of("{http: \"ftp://x\"}"), HasSubstr("expected a URL"));
  EXPECT_THAT(problem_of("{http: \"http://x\", status: 99}"), HasSubstr("from 100 to 599"));
  EXPECT_THAT(problem_of("{http: \"http://x\", json: [a]}"), HasSubstr("a mapping of paths"));
  EXPECT_THAT(problem_of("{http: \"http://x\", json: {a: [b]}}"), HasSubstr("checks.c.json.a"));
  for (const auto* address : {"db", "db:", "db:0", "db:70000", ":80", "db:8x"})
    EXPECT_THAT(problem_of("{tcp: \"" + std::string{address} + "\"}"),
                HasSubstr("expected an address such as \"host:5432\""))
        << address;
  EXPECT_THAT(problem_of("{file: x}"), HasSubstr("expected an absolute path"));
  EXPECT_THAT(problem_of("{file: /x, exists: false, min_size: 1B}"), HasSubstr("has no size"));
  EXPECT_THAT(problem_of("{file: /x, sha256: abc}"), HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(problem_of("{argv: [x], exit: 256}"), HasSubstr("from 0 to 255"));
  EXPECT_THAT(problem_of("{argv: [x], tries: 0}"), HasSubstr("from 1 to 1000"));
  EXPECT_THAT(problem_of("{argv: [x], timeout: 0s}"), HasSubstr("a duration above zero"));
}

TEST(Checks, SqlNeedsOneDatabase) {
  EXPECT_THAT(problem_of("{sql: \"select 1\"}"), HasSubstr("exactly one of `source` and `url`"));
  EXPECT_THAT(problem_of("{sql: \"select 1\", source: f}"),
              HasSubstr("checks.c.source: expected a postgres source, but f is none"));
  EXPECT_THAT(problem_of("{sql: \"select 1\", source: bd}"), HasSubstr("Did you mean \"db\"?"));
  const std::string secret = problem_of("{sql: \"select 1\", url: \"postgres://u:hunter2@h/d\"}");
  EXPECT_THAT(secret, HasSubstr("a password must not stand in the URL"));
  EXPECT_THAT(secret, Not(HasSubstr("hunter2")));
  EXPECT_THAT(problem_of("{sql: \"select 1\", source: db, want: {at_least: many}}"),
              HasSubstr("checks.c.want.at_least: expected a number, found \"many\""));
  EXPECT_THAT(problem_of("{sql: \"select 1\", source: db, want: {}}"),
              HasSubstr("a value, or one"));
}

}  // namespace
}  // namespace reprieve::plan
