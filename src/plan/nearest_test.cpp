#include "plan/nearest.hpp"

#include <gtest/gtest.h>

namespace reprieve::plan {
namespace {

TEST(Nearest, CountsInsertionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("sources", "sources"), 0U);
  EXPECT_EQ(edit_distance("source", "sources"), 1U);
  EXPECT_EQ(edit_distance("suorces", "sources"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("Health", "health"), 0U);
}

TEST(Nearest, FindsTheMisspeltName) {
  EXPECT_EQ(nearest("helth", {"health", "needs", "run"}), "health");
  EXPECT_EQ(nearest("timout", {"times", "timeout"}), "timeout");
}

TEST(Nearest, DoesNotGuessWhatIsNotClose) {
  EXPECT_EQ(nearest("banana", {"health", "needs"}), std::nullopt);
  EXPECT_EQ(nearest("a", {"b"}), std::nullopt);
}

TEST(Nearest, SuggestsTheNearestOrListsWhatThereIs) {
  EXPECT_EQ(suggestion("dbb", {"db", "web"}), "Did you mean \"db\"?");
  EXPECT_EQ(suggestion("banana", {"db", "web"}), "Known: db, web.");
  EXPECT_EQ(suggestion("banana", {}), "");
}

TEST(Nearest, CutsALongListOfNames) {
  const std::vector<std::string_view> many(40, "name");
  EXPECT_TRUE(suggestion("zzzzzzzzz", many).ends_with(", ..."));
}

}  // namespace
}  // namespace reprieve::plan
