#include "plan/internal/yaml.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace reprieve::plan {
namespace {

struct Read {
  std::optional<Node> root;
  std::vector<Problem> problems;
};

Read read(std::string_view text) {
  Problems problems;
  auto root = parse_yaml(as_bytes(text), problems);
  return {std::move(root), std::move(problems).take()};
}

std::string first_problem(std::string_view text) {
  const auto result = read(text);
  return result.problems.empty() ? "" : to_text(result.problems[0]);
}

TEST(Yaml, KeepsThePlaceOfEveryNode) {
  const auto [root, problems] = read("a: 1\nb:\n  - x\n  - {c: 'y'}\n");
  ASSERT_TRUE(root);
  ASSERT_EQ(root->entries.size(), 2U);
  EXPECT_EQ(root->entries[1].key_at, (Position{2, 1}));
  const Node& list = root->entries[1].value;
  EXPECT_EQ(list.items[0].at, (Position{3, 5}));
  EXPECT_EQ(list.items[1].entries[0].value.at, (Position{4, 9}));
  EXPECT_TRUE(list.items[0].is_plain);
  EXPECT_FALSE(list.items[1].entries[0].value.is_plain);
  EXPECT_TRUE(problems.empty());
}

TEST(Yaml, CountsColumnsInCharacters) {
  const auto [root, problems] = read("{ä: 1, b: 2}");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->entries[1].key_at, (Position{1, 8}));
}

TEST(Yaml, CopiesAliases) {
  const auto [root, problems] = read("a: &x [1, 2]\nb: *x\n");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->entries[1].value.items.size(), 2U);
  EXPECT_EQ(root->entries[1].value.items[1].text, "2");
}

TEST(Yaml, RefusesAnUnknownAliasAndOneInsideItsOwnAnchor) {
  EXPECT_EQ(first_problem("a: *x\n"),
            "1:4: the alias *x has no finished anchor above it\n"
            "  Put `&x` in front of the value that it repeats.");
  EXPECT_NE(first_problem("a: &x [*x]\n").find("no finished anchor"), std::string::npos);
}

TEST(Yaml, ReportsARepeatedKeyAndGoesOn) {
  const auto [root, problems] = read("a: 1\na: 2\nb: 1\nb: 2\n");
  ASSERT_TRUE(root);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(to_text(problems[0]), "2:1: the key \"a\" is there twice\n  Remove one of them.");
  EXPECT_EQ(problems[1].at, (Position{4, 1}));
  EXPECT_EQ(root->entries[0].value.text, "1");
}

TEST(Yaml, RefusesMergeKeysTagsAndSecondDocuments) {
  EXPECT_NE(first_problem("a: &x {b: 1}\nc: {<<: *x}\n").find("merge key <<"), std::string::npos);
  EXPECT_NE(first_problem("a: !include x\n").find("the tag !include"), std::string::npos);
  EXPECT_NE(first_problem("a: !!binary eA==\n").find("not part of the plan"), std::string::npos);
  EXPECT_NE(first_problem("%TAG !e! tag:x,2000:\n--- {a: 1}\n").find("tag directives"),
            std::string::npos);
  EXPECT_NE(first_problem("a: 1\n---\nb: 1\n").find("2:1: a second document"), std::string::npos);
}

TEST(Yaml, AQuotedMergeKeyIsAKey) {
  EXPECT_TRUE(read("'<<': 1\n").problems.empty());
}

TEST(Yaml, SaysWhereTheTextIsNotYaml) {
  EXPECT_EQ(first_problem("a: [1, 2\nb: 3\n").substr(0, 4), "2:2:");
  EXPECT_EQ(first_problem("a: \"x\n").substr(0, 4), "2:1:");
  EXPECT_NE(first_problem("a: \x01\n").find("not valid YAML: control characters"),
            std::string::npos);
  EXPECT_NE(first_problem("a: \xff\n").find("not valid YAML"), std::string::npos);
}

TEST(Yaml, RefusesNulCharactersAndKeysThatAreNoNames) {
  EXPECT_NE(first_problem("a: \"x\\0y\"\n").find("NUL"), std::string::npos);
  EXPECT_NE(first_problem("[a, b]: 1\n").find("a key must be a name"), std::string::npos);
}

TEST(Yaml, RefusesTheEmptyPlan) {
  EXPECT_NE(first_problem("").find("1:1: the plan is empty"), std::string::npos);
  EXPECT_NE(first_problem("# only a comment\n").find("the plan is empty"), std::string::npos);
}

TEST(Yaml, ReadsWindowsLineEndsAndAByteOrderMark) {
  const auto [root, problems] = read(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n");
  ASSERT_TRUE(root);
  ASSERT_EQ(root->entries.size(), 2U);
  EXPECT_EQ(root->entries[0].key, "a");
  EXPECT_EQ(root->entries[0].value.text, "1");
  EXPECT_EQ(root->entries[1].key_at, (Position{2, 1}));
}

TEST(Yaml, LimitsDepth) {
  const std::string fits = std::string(31, '[') + "1" + std::string(31, ']');
  EXPECT_TRUE(read(fits).root);
  const std::string deep = std::string(32, '[') + "1" + std::string(32, ']');
  EXPECT_NE(first_problem(deep).find("nested deeper than 32 levels"), std::string::npos);
}

TEST(Yaml, LimitsDepthThroughAliases) {
  std::string text = "a: &x " + std::string(20, '[') + "1" + std::string(20, ']') + "\n";
  text += "b: " + std::string(20, '[') + "*x" + std::string(20, ']') + "\n";
  EXPECT_NE(first_problem(text).find("nested deeper"), std::string::npos);
}

TEST(Yaml, LimitsWhatAliasesGrowTo) {
  std::string text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 8; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int copies = 0; copies < 9; ++copies)
      text += ", " + before;
    text += "]\n";
  }
  EXPECT_NE(first_problem(text).find("grows beyond 100000 nodes"), std::string::npos);
}

TEST(Yaml, LimitsTheTextThatAliasesRepeat) {
  std::string text = "a: &x '" + std::string(500'000, 'y') + "'\nb: [*x";
  for (int i = 0; i < 20; ++i)
    text += ", *x";
  EXPECT_NE(first_problem(text + "]\n").find("grows beyond"), std::string::npos);
}

TEST(Yaml, LimitsTheSizeOfThePlan) {
  const std::string text(kPlanBytesMax + 1, ' ');
  EXPECT_NE(first_problem(text).find("larger than 1.00 MiB"), std::string::npos);
}

}  // namespace
}  // namespace reprieve::plan
