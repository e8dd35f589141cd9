#include "plan/internal/reader.hpp"

#include <gtest/gtest.h>

#include <string>

namespace reprieve::plan {
namespace {

/// A plan of one key `a`, whose value is the text given.
class One {
 public:
  explicit One(const std::string& value)
      : root_{*parse_yaml(as_bytes("a: " + value + "\n"), problems_)} {}
  [[nodiscard]] Value a() { return {root_.entries.at(0).value, "a", problems_}; }
  [[nodiscard]] std::string problem() {
    auto all = std::move(problems_).take();
    return all.empty() ? "" : to_text(all[0]);
  }

 private:
  Problems problems_;
  Node root_;
};

std::string kind_of(const std::string& value) {
  One one{value};
  const Scalar scalar = *one.a().scalar();
  if (std::holds_alternative<std::monostate>(scalar)) return "null";
  if (std::holds_alternative<bool>(scalar)) return "bool";
  if (std::holds_alternative<std::int64_t>(scalar)) return "int";
  if (std::holds_alternative<double>(scalar)) return "float";
  return "text";
}

TEST(CoreScalar, OnlyItsOwnSpellingsAreMoreThanText) {
  for (const auto* text : {"true", "True", "FALSE"})
    EXPECT_EQ(kind_of(text), "bool") << text;
  for (const auto* text : {"~", "null", "NULL", ""})
    EXPECT_EQ(kind_of(text), "null") << text;
  for (const auto* text : {"0", "-12", "+12", "0x1F", "0o17", "007"})
    EXPECT_EQ(kind_of(text), "int") << text;
  for (const auto* text : {"1.5", "-.5", "1e3", "5.", "99999999999999999999"})
    EXPECT_EQ(kind_of(text), "float") << text;
  for (const auto* text : {"yes", "no", "on", "off", "y", "'true'", "\"1\"", "1_000", "12:30",
                           "inf", "nan", "1m", "+-1", ".", "0b1", "2026-11-20"})
    EXPECT_EQ(kind_of(text), "text") << text;
}

TEST(Name, HoldsLettersDigitsUnderscoresAndDashes) {
  EXPECT_TRUE(is_name("db"));
  EXPECT_TRUE(is_name("3rd_party-api"));
  for (const auto* text : {"", "-a", "_a", "a.b", "a b", "ä"})
    EXPECT_FALSE(is_name(text)) << text;
  EXPECT_FALSE(is_name(std::string(65, 'a')));
}

TEST(Value, SaysWhatItExpectedAndWhatItFound) {
  const auto problem = [](const std::string& value, auto read) {
    One one{value};
    EXPECT_FALSE(read(one.a())) << value;
    return one.problem();
  };
  const auto text = [](const Value& v) { return v.text().has_value(); };
  EXPECT_EQ(problem("[1]", text), "1:4: a: expected text, found a list");
  EXPECT_EQ(problem("{b: 1}", text), "1:4: a: expected text, found a mapping");
  EXPECT_EQ(problem("12", text),
            "1:4: a: expected text, found the number 12\n"
            "  Write it in quotes if it is text: \"12\".");
  EXPECT_EQ(problem("~", text),
            "1:4: a: expected text, found nothing\n  Give it a value, or remove the key.");
  EXPECT_EQ(problem("''", text),
            "1:4: a: expected text, found \"\"\n"
            "  Write something between the quotes, or remove the key.");
  EXPECT_EQ(problem("yes", [](const Value& v) { return v.boolean().has_value(); }),
            "1:4: a: expected true or false, found \"yes\"");
  EXPECT_EQ(problem("70000", [](const Value& v) { return v.integer(1, 65535).has_value(); }),
            "1:4: a: expected a whole number from 1 to 65535, found the number 70000");
  EXPECT_EQ(problem("30", [](const Value& v) { return v.duration().has_value(); }),
            "1:4: a: expected a duration, found the number 30\n"
            "  Write a number and a unit: 500ms, 30s, 5m, 4h, 1d, 2w or 1h30m.");
  EXPECT_EQ(problem("0s", [](const Value& v) { return v.duration_above_zero().has_value(); }),
            "1:4: a: expected a duration above zero, found \"0s\"");
  EXPECT_EQ(problem("10", [](const Value& v) { return v.size().has_value(); }),
            "1:4: a: expected a size, found the number 10\n"
            "  Write a number and a unit: 500B, 10KiB, 10MiB, 2GiB or 1TB.");
  EXPECT_EQ(problem("ls -l", [](const Value& v) { return !v.argv().empty(); }),
            "1:4: a: expected a command as a list of at least one text, found \"ls -l\"\n"
            "  Write [program, argument, ...]; nothing is ever handed to a shell.");
}

TEST(Value, AWrongItemIsNamedByItsIndex) {
  One one{"[x, {b: 1}, y]"};
  EXPECT_EQ(one.a().texts("a list").size(), 2U);
  EXPECT_EQ(one.problem(), "1:8: a[1]: expected text, found a mapping");
}

TEST(Value, ANameThatIsRepeatedIsReported) {
  One one{"[x, y, x]"};
  EXPECT_EQ(one.a().names("a list").size(), 2U);
  EXPECT_EQ(one.problem(), "1:11: a[2]: \"x\" is there twice\n  Remove one of them.");
}

TEST(Value, LongTextIsCutAndControlCharactersAreHidden) {
  One one{"\"\\e[31m" + std::string(100, 'x') + "\""};
  EXPECT_FALSE(one.a().duration());
  const std::string problem = one.problem();
  EXPECT_NE(problem.find("\"?[31mxxx"), std::string::npos) << problem;
  EXPECT_NE(problem.find("x...\""), std::string::npos) << problem;
}

TEST(Value, AReferenceInsideQuotesKnowsItsColumn) {
  One plain{"x{run.id}"};
  EXPECT_EQ(plain.a().template_text("text")->references().at(0).at, (Position{1, 5}));
  One quoted{"\"x{run.id}\""};
  EXPECT_EQ(quoted.a().template_text("text")->references().at(0).at, (Position{1, 6}));
}

TEST(Value, AReferenceInTextOverSeveralLinesIsPlacedWhereTheTextBegins) {
  One one{"|\n  some\n  {run.id}"};
  EXPECT_EQ(one.a().template_text("text")->references().at(0).at, (Position{1, 4}));
}

TEST(Fields, AnUnknownKeyIsReportedWithTheNearestKnownOne) {
  One one{"{tiemout: 5s, banana: 1, sites: {}}"};
  Fields fields{one.a(), "a mapping"};
  Duration timeout{};
  fields.duration("timeout", timeout);
  fields.know("tries");
  constexpr std::array<std::string_view, 1> kLater = {"sites"};
  fields.finish(kLater);
  auto problems = std::move(one.a().problems()).take();
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(to_text(problems[0]), "1:5: a: unknown key \"tiemout\"\n  Did you mean \"timeout\"?");
  EXPECT_EQ(to_text(problems[1]), "1:18: a: unknown key \"banana\"\n  Known: timeout, tries.");
  EXPECT_EQ(to_text(problems[2]),
            "1:29: a: unknown key \"sites\"\n  This version does not know it yet: remove it.");
}

TEST(Fields, AMissingKeyIsReportedOnce) {
  One one{"{}"};
  Fields fields{one.a(), "a mapping"};
  EXPECT_FALSE(fields.require("url", "Write url: /srv/repo."));
  EXPECT_EQ(one.problem(), "1:4: a: `url` is missing\n  Write url: /srv/repo.");
}

TEST(Fields, WhatIsNoMappingHasNoFieldsAndOneProblem) {
  One one{"[1]"};
  Fields fields{one.a(), "a mapping of x"};
  EXPECT_FALSE(fields.require("url", ""));
  fields.finish();
  EXPECT_EQ(std::move(one.a().problems()).take().size(), 1U);
}

TEST(Entries, ANameThatIsNoneIsReported) {
  One one{"{good: 1, 'not good': 2}"};
  EXPECT_EQ(entries_of(one.a(), "a mapping").size(), 1U);
  EXPECT_EQ(one.problem().substr(0, 35), "1:14: a: \"not good\" is no name\n  Us");
}

}  // namespace
}  // namespace reprieve::plan
