#include "plan/expression.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace reprieve::plan {
namespace {

Lookup lookup_in(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const Reference& reference) -> Result<std::string> {
    const auto found = values.find(reference.text());
    if (found == values.end()) return Error{ErrorKind::kNotFound, "no " + reference.text()};
    return found->second;
  };
}

std::string rendered(std::string_view text) {
  const auto parsed = parse_template(text, {1, 1});
  if (!parsed) return "refused: " + parsed.error().what;
  const auto out = render(*parsed, lookup_in({{"params.to", "a{b}c"}, {"run.id", "7"}}));
  return out ? *out : "failed: " + out.error().what;
}

TEST(Template, SubstitutesAndNeverReadsAValueAgain) {
  EXPECT_EQ(rendered("x {params.to} {run.id}"), "x a{b}c 7");
  EXPECT_EQ(rendered(""), "");
  EXPECT_EQ(rendered("$(rm) `x`"), "$(rm) `x`");
}

TEST(Template, DoubledBracesStay) {
  EXPECT_EQ(rendered("{{params.to}}"), "{params.to}");
  EXPECT_EQ(rendered("{{{run.id}}}"), "{7}");
}

TEST(Template, RefusesWhatIsNoReference) {
  EXPECT_EQ(rendered("{}"), "refused: {} is no {name.field}");
  EXPECT_EQ(rendered("{a}"), "refused: {a} is no {name.field}");
  EXPECT_EQ(rendered("{a.b.c}"), "refused: {a.b.c} is no {name.field}");
  EXPECT_EQ(rendered("{\"a\": 1}"), "refused: {\"a\": 1} is no {name.field}");
  EXPECT_EQ(rendered("{a.b"), "refused: a { is never closed");
  EXPECT_EQ(rendered("a}"), "refused: a } stands alone");
}

TEST(Template, HandsOnWhatTheLookupSays) {
  EXPECT_EQ(rendered("{params.x}"), "failed: no params.x");
}

TEST(Template, KnowsThePlaceOfEachReference) {
  const auto parsed = parse_template("ü{run.id} {restore.target}", {4, 10});
  ASSERT_TRUE(parsed);
  const auto references = parsed->references();
  ASSERT_EQ(references.size(), 2U);
  EXPECT_EQ(references[0].at, (Position{4, 11}));
  EXPECT_EQ(references[1].root, Reference::Root::kStep);
  EXPECT_EQ(references[1].step, "restore");
  EXPECT_EQ(references[1].at, (Position{4, 20}));
}

TEST(Template, WritesItselfAsItWasRead) {
  for (const auto* text : {"plain", "{run.id}", "a{{b}}{params.x}c", "{a.b}{c.d}"})
    EXPECT_EQ(parse_template(text, {1, 1})->text(), text);
}

std::string truth(std::string_view text) {
  const auto parsed = parse_condition(text, {1, 1});
  if (!parsed) return "refused: " + parsed.error().what;
  const auto values = lookup_in({{"params.mode", "full"},
                                 {"params.count", "12"},
                                 {"params.wait", "90s"},
                                 {"params.go", "true"},
                                 {"params.text", "a b"}});
  const auto holds = evaluate(*parsed, values);
  if (!holds) return "failed: " + holds.error().what;
  // The canonical spelling must mean the same.
  const auto again = parse_condition(parsed->text(), {1, 1});
  EXPECT_TRUE(again) << parsed->text();
  EXPECT_EQ(*evaluate(*again, values), *holds) << parsed->text();
  return *holds ? "true" : "false";
}

TEST(Condition, ComparesText) {
  EXPECT_EQ(truth("{params.mode} == full"), "true");
  EXPECT_EQ(truth("{params.mode} != 'full'"), "false");
  EXPECT_EQ(truth("{params.text}=='a b'"), "true");
  EXPECT_EQ(truth("'it''s' == 'it''s'"), "true");
}

TEST(Condition, ComparesByMagnitude) {
  EXPECT_EQ(truth("{params.count} > 9"), "true");
  EXPECT_EQ(truth("{params.count} <= 9"), "false");
  EXPECT_EQ(truth("{params.wait} < 2m"), "true");
  EXPECT_EQ(truth("{params.wait} == 1m30s"), "true");
  EXPECT_EQ(truth("1GiB >= 1000MB"), "true");
  EXPECT_EQ(truth("2026-11-20T10:00:00Z < 2026-11-20T10:00:00.5Z"), "true");
}

TEST(Condition, CombinesWithTheUsualPrecedence) {
  EXPECT_EQ(truth("{params.go} or {params.go} and 1 == 2"), "true");
  EXPECT_EQ(truth("({params.go} or {params.go}) and 1 == 2"), "false");
  EXPECT_EQ(truth("not {params.go} or not 1 == 2"), "true");
  EXPECT_EQ(truth("not (1 == 2 or 2 == 3)"), "true");
}

TEST(Condition, AValueAloneMustBeTrue) {
  EXPECT_EQ(truth("{params.go}"), "true");
  EXPECT_EQ(truth("{params.mode}"), "false");
}

TEST(Condition, RefusesToOrderWhatHasNoOrder) {
  EXPECT_EQ(truth("{params.mode} < 3"), "failed: \"full\" and \"3\" cannot be put in order");
  EXPECT_EQ(truth("5 < 5m"), "failed: \"5\" and \"5m\" cannot be put in order");
}

TEST(Condition, SaysWhatItCannotRead) {
  EXPECT_EQ(truth(""), "refused: condition: it ends where a value should be");
  EXPECT_EQ(truth("{a.b} =="), "refused: condition: it ends where a value should be");
  EXPECT_EQ(truth("{a.b} == x y"), "refused: condition: \"y\" does not belong there");
  EXPECT_EQ(truth("({a.b}"), "refused: condition: a ( is never closed");
  EXPECT_EQ(truth("'x"), "refused: condition: a quote is never closed");
  EXPECT_EQ(truth("{a.b} and and"), "refused: condition: a value is missing before \"and\"");
  EXPECT_EQ(truth("{a.b} = x"), "refused: condition: \"= x\" does not belong there");
}

TEST(Condition, LimitsDepthAndCount) {
  std::string deep(100, '(');
  EXPECT_EQ(truth(deep + "1"), "refused: condition: nested too deep");
  std::string nots;
  for (int i = 0; i < 100; ++i)
    nots += "not ";
  EXPECT_EQ(truth(nots + "1"), "refused: condition: nested too deep");
  std::string wide = "1 == 1";
  for (int i = 0; i < 100; ++i)
    wide += " and 1 == 1";
  EXPECT_EQ(truth(wide), "refused: condition: more than 64 parts");
}

TEST(Condition, FindsItsReferences) {
  const auto parsed = parse_condition("{a.b} == {c.d} or not {e.f}", {3, 5});
  ASSERT_TRUE(parsed);
  const auto references = parsed->references();
  ASSERT_EQ(references.size(), 3U);
  EXPECT_EQ(references[0].at, (Position{3, 5}));
  EXPECT_EQ(references[1].at, (Position{3, 14}));
  EXPECT_EQ(references[2].text(), "e.f");
}

}  // namespace
}  // namespace reprieve::plan
