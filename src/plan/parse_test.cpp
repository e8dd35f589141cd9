#include "plan/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace reprieve::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> problems_of(std::string_view text) {
  std::vector<std::string> problems;
  for (const Problem& problem : parse_plan(as_bytes(text)).problems)
    problems.push_back(to_text(problem));
  return problems;
}

TEST(Plan, NeedsNoMoreThanAVersionAndAName) {
  const auto parsed = parse_plan(as_bytes("reprieve: 1\nplan: shop\n"));
  ASSERT_TRUE(parsed.plan);
  EXPECT_EQ(parsed.plan->name, "shop");
  EXPECT_THAT(parsed.problems, IsEmpty());
}

TEST(Plan, MustSayWhatItIs) {
  EXPECT_THAT(problems_of("owner: ops\n"),
              ElementsAre("1:1: `reprieve` is missing\n  Write reprieve: 1 as the first line.",
                          "1:1: `plan` is missing\n  Write plan: NAME."));
  EXPECT_THAT(problems_of("- a\n"),
              ElementsAre("1:1: expected a plan, which is a mapping, found a list"));
  EXPECT_THAT(
      problems_of("reprieve: 2\nplan: x\n"),
      ElementsAre(
          "1:11: reprieve: expected the version 1 of the plan language, found the number 2\n"
          "  A plan of a later version needs a later reprieve."));
}

TEST(Plan, AnUnknownKeyIsNeverIgnored) {
  EXPECT_THAT(problems_of("reprieve: 1\nplan: x\nsevices: {}\n"),
              ElementsAre("3:1: unknown key \"sevices\"\n  Did you mean \"services\"?"));
}

TEST(Plan, AKeyOfALaterVersionIsToldSo) {
  EXPECT_THAT(problems_of("reprieve: 1\nplan: x\nsites: {}\n"),
              ElementsAre("3:1: unknown key \"sites\"\n"
                          "  This version does not know it yet: remove it."));
}

TEST(Plan, ReportsAllProblemsInTheOrderOfTheText) {
  const auto problems = problems_of(
      "reprieve: 1\n"
      "plan: x\n"
      "services:\n"
      "  web: {rto: 5, needs: [bd], run: {systemd: x}}\n"
      "  db: {rpo: soon}\n"
      "sources:\n"
      "  uploads: {type: files, path: {a: b}}\n"
      "storage:\n"
      "  near: {url: \"ftp://x\", password: repo}\n");
  ASSERT_EQ(problems.size(), 6U);
  EXPECT_THAT(problems[0], HasSubstr("4:14: services.web.rto: expected a duration"));
  EXPECT_EQ(problems[1],
            "4:25: services.web.needs: there is no service \"bd\"\n  Did you mean \"db\"?");
  EXPECT_THAT(problems[2], HasSubstr("5:13: services.db.rpo: expected a duration, found \"soon\""));
  EXPECT_EQ(problems[3],
            "7:32: sources.uploads.path: expected a path or a list of paths, found a mapping");
  EXPECT_THAT(problems[4], HasSubstr("9:15: storage.near.url: this version stores in folders"));
  EXPECT_THAT(problems[5], HasSubstr("9:36: storage.near.password: this names no entry"));
}

TEST(Plan, ReportsAtMostTwentyProblems) {
  std::string text = "reprieve: 1\nplan: x\n";
  for (int i = 0; i < 50; ++i)
    text += "unknown" + std::to_string(i) + ": 1\n";
  const auto problems = problems_of(text);
  ASSERT_EQ(problems.size(), kProblemsMax);
  EXPECT_THAT(problems[0], HasSubstr("3:1: unknown key \"unknown0\""));
}

TEST(Plan, AProblemInWhatAnAliasRepeatsIsReportedOnce) {
  EXPECT_THAT(problems_of("reprieve: 1\nplan: x\nservices:\n  a: &a {rto: 5}\n  b: *a\n").size(),
              2U);  // Once for each service, since the paths differ.
  EXPECT_THAT(problems_of("reprieve: 1\nplan: x\nbackup:\n"
                          "  - &p {sources: [a], typo: 1}\n  - *p\n"
                          "storage: {s: {url: /s, password: p}}\n"
                          "secrets: {p: {from: \"env:P\"}}\n"
                          "sources: {a: {type: files, path: /a}}\n")
                  .size(),
              2U);
}

TEST(LoadPlan, JoinsTheProblemsIntoOneError) {
  const auto plan = load_plan(as_bytes("reprieve: 1\nplan: x\nfoo: 1\nbar: 2\n"), "shop.yaml");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(plan.error().what, HasSubstr("shop.yaml: not a usable plan\nshop.yaml:3:1: unknown"));
  EXPECT_THAT(plan.error().what, HasSubstr("\nshop.yaml:4:1: unknown key \"bar\""));
}

TEST(LoadPlan, ReturnsAPlanWithoutProblems) {
  const auto plan = load_plan(as_bytes("{reprieve: 1, plan: x}"), "x.yaml");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->name, "x");
}

}  // namespace
}  // namespace reprieve::plan
