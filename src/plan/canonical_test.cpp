#include "plan/canonical.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/json.hpp"
#include "plan/parse.hpp"

namespace reprieve::plan {
namespace {

std::string canonical(const std::string& text) {
  const auto parsed = parse_plan(as_bytes(text));
  for (const Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  return parsed.plan ? canonical_text(*parsed.plan) : "";
}

constexpr auto kPlan = R"(
reprieve: 1
plan: shop
secrets: {pg: {from: "env:PG"}, repo: {from: "file:/r"}}
storage: {near: {url: /near, password: repo}, far: {url: /far, password: repo}}
sources:
  db: {type: postgres, url: "postgres://u@h/d", password: pg, data_dir: /pg}
  up: {type: files, path: /up}
services: {app: {rto: 1h, run: {systemd: app}, sources: [db, up], health: [ok, web]}}
backup: [{sources: [db], every: 15m, keep: {daily: 3}}]
checks: {ok: {tcp: "h:1"}, web: {http: "http://h", json: {a: 1, b: x}}}
scenarios:
  lost:
    steps:
      - {id: a, do: db.restore, source: db}
      - {id: b, do: switch, of: [a]}
      - {id: c, do: start, services: [app]}
)";

// The same plan: other order of keys, other layout, defaults written out.
constexpr auto kSamePlan = R"(
# A comment.
plan: "shop"
reprieve: 1
scenarios:
  lost:
    verify: [web, ok]
    steps:
      - id: a
        do: db.restore
        source: db
        at: latest
        into: side-by-side
        timeout: 1d
      - {do: switch, of: [a], id: b, keep_old: 1w, needs: [a], on_fail: ask}
      - {id: c, do: start, services: [app], order: needs, gate: health}
checks: {web: {http: "http://h", status: 200, json: {b: x, a: 1}}, ok: {tcp: "h:1", tries: 1}}
backup:
  - sources: [db]
    to: [near]
    every: 900s
    keep: {daily: 3, last: 0}
services: {app: {rto: 60m, run: {systemd: app}, sources: [up, db], health: [web, ok]}}
sources:
  up: {type: files, path: [/up], one_file_system: false}
  db: {type: postgres, url: "postgres://u@h/d", password: pg, data_dir: /pg}
storage: {near: {url: "file:///near", password: repo}, far: {url: /far, password: repo}}
secrets: {repo: {from: "file:/r"}, pg: {from: "env:PG"}}
)";

std::string with(std::string text, const std::string& old, const std::string& replacement) {
  const std::size_t at = text.find(old);
  EXPECT_NE(at, text.npos) << old;
  return at == text.npos ? text : text.replace(at, old.size(), replacement);
}

TEST(Canonical, IsOneForTheSamePlan) {
  EXPECT_EQ(canonical(kPlan), canonical(kSamePlan));
}

TEST(Canonical, IsJson) {
  const auto json = parse_json(canonical(kPlan));
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["scenarios"]["lost"]["steps"][1]["needs"][0], "a");
  EXPECT_EQ((*json)["services"]["app"]["rto"], 3'600'000'000'000);
  EXPECT_EQ((*json)["default_storage"], "near");
}

TEST(Canonical, ChangesWithWhateverThePlanDoes) {
  const std::string original = canonical(kPlan);
  const auto expect_change = [&](const std::string& old, const std::string& replacement) {
    EXPECT_NE(canonical(with(kPlan, old, replacement)), original) << replacement;
  };
  expect_change("plan: shop", "plan: shops");
  expect_change("env:PG", "env:PGP");
  expect_change("rto: 1h", "rto: 61m");
  expect_change("every: 15m", "every: 16m");
  expect_change("daily: 3", "weekly: 3");
  expect_change("a: 1", "a: \"1\"");
  expect_change("of: [a]", "of: [a], keep_old: true");

  expect_change("services: [app]", "services: [app], when: \"{run.id} == x\"");
  expect_change("{near: {url: /near, password: repo}, far: {url: /far, password: repo}}",
                "{far: {url: /far, password: repo}, near: {url: /near, password: repo}}");
}

TEST(Canonical, HoldsNoPositions) {
  EXPECT_EQ(canonical(std::string{"\n\n\n"} + kPlan), canonical(kPlan));
}

}  // namespace
}  // namespace reprieve::plan
