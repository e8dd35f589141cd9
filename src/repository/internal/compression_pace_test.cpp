#include "repository/internal/compression_pace.hpp"

#include <gtest/gtest.h>

namespace reprieve::repository {
namespace {

using std::chrono::seconds;

/// Twelve packs, each ten seconds after the one before, of which the store took so many.
void write_for_two_minutes(CompressionPace& pace, int in_store) {
  for (int pack = 0; pack < 12; ++pack)
    pace.add_write(seconds{10 - in_store}, seconds{in_store});
}

TEST(CompressionPace, RisesToItsMaximumWhileOnlyTheStoreIsWaitedFor) {
  CompressionPace pace{1, 4};
  write_for_two_minutes(pace, 10);
  EXPECT_EQ(pace.level(), 4);
}

TEST(CompressionPace, FallsAgainWhenTheStoreIsNotWaitedForAnyMore) {
  CompressionPace pace{1, 9};
  write_for_two_minutes(pace, 10);
  ASSERT_EQ(pace.level(), 9);
  write_for_two_minutes(pace, 1);
  EXPECT_EQ(pace.level(), 1);
}

TEST(CompressionPace, IsNotMovedByWhatIsTooShortToTell) {
  CompressionPace pace{1, 9};
  for (int pack = 0; pack < 3; ++pack)
    pace.add_write({}, seconds{1});
  EXPECT_EQ(pace.level(), 1);
}

TEST(CompressionPace, StaysWhereItIsBetweenTheTwo) {
  EXPECT_EQ(next_level(5, 1, 9, 0.75), 5);
  EXPECT_EQ(next_level(5, 1, 9, 0.95), 6);
  EXPECT_EQ(next_level(5, 1, 9, 0.3), 4);
}

TEST(CompressionPace, KeepsTheOneLevelThatItWasGiven) {
  CompressionPace pace{3, 0};
  write_for_two_minutes(pace, 10);
  EXPECT_EQ(pace.level(), 3);
}

}  // namespace
}  // namespace reprieve::repository
