#include "app/points.hpp"

#include <gtest/gtest.h>

namespace reprieve::app {
namespace {

repository::Snapshot point(std::uint8_t first_byte, const char* time, const char* name = "",
                           const char* source = "db") {
  repository::Snapshot snapshot;
  snapshot.id.bytes.fill(std::byte{first_byte});
  snapshot.time = *parse_rfc3339(time);
  snapshot.description.data_time = snapshot.time;
  snapshot.description.name = name;
  snapshot.description.source = source;
  return snapshot;
}

class Points : public ::testing::Test {
 protected:
  const std::vector<repository::Snapshot> points_ = {
      point(0xa1, "2026-11-18T02:00:00Z"),
      point(0xa2, "2026-11-19T02:00:00Z", "before-upgrade"),
      point(0xb3, "2026-11-20T02:00:00Z"),
  };
  const Verifications nothing_verified_;

  Result<const repository::Snapshot*> choose(std::string_view wanted) {
    return choose_point(points_, nothing_verified_, wanted);
  }
};

TEST_F(Points, TakesTheNewestForLatest) {
  EXPECT_EQ(*choose("latest"), &points_[2]);
}

TEST_F(Points, TakesTheNewestThatIsNotYoungerThanATime) {
  EXPECT_EQ(*choose("2026-11-19T23:59:59Z"), &points_[1]);
  EXPECT_EQ(*choose("2026-11-19T02:00:00Z"), &points_[1]);
}

TEST_F(Points, FindsNoneOlderThanAll) {
  const auto chosen = choose("2026-01-01T00:00:00Z");
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().kind, ErrorKind::kNotFound);
}

TEST_F(Points, RefusesATimeWithoutAZone) {
  const auto chosen = choose("2026-11-19 02:00:00");
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().kind, ErrorKind::kInvalid);
}

TEST_F(Points, FindsAName) {
  EXPECT_EQ(*choose("before-upgrade"), &points_[1]);
}

TEST_F(Points, FindsAnUnambiguousPrefix) {
  EXPECT_EQ(*choose("b3b3b3"), &points_[2]);
}

TEST_F(Points, RefusesAPrefixThatMeansSeveral) {
  std::vector<repository::Snapshot> twins = {points_[0], points_[0]};
  const auto chosen = choose_point(twins, nothing_verified_, "a1a1");
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().kind, ErrorKind::kInvalid);
}

TEST_F(Points, SaysThatNoneIsVerifiedYet) {
  const auto chosen = choose("latest-verified");
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().kind, ErrorKind::kNotFound);
}

TEST_F(Points, HidesThePlansOwnCopiesUnlessAskedForThem) {
  const std::vector<repository::Snapshot> all = {point(1, "2026-11-18T02:00:00Z", "", "plan"),
                                                 point(2, "2026-11-18T02:00:00Z", "", "db")};
  EXPECT_EQ(points_of(all, "").size(), 1U);
  EXPECT_EQ(points_of(all, "plan").size(), 1U);
}

TEST_F(Points, PassesOverSnapshotsOfInterruptedRuns) {
  std::vector<repository::Snapshot> all = points_;
  all.back().is_final = false;
  EXPECT_EQ(points_of(all, "db").size(), 2U);
}

TEST_F(Points, ASourceWithoutAnyIsAnErrorThatNamesTheNearest) {
  repository::Snapshot uploads;
  uploads.description.source = "uploads";
  EXPECT_EQ(some_points_of({uploads}, "uploads")->size(), 1U);
  const auto mistyped = some_points_of({uploads}, "uplaods");
  EXPECT_EQ(mistyped.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(mistyped.error().hint, "Did you mean \"uploads\"?");
  EXPECT_EQ(some_points_of({}, "uploads").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace reprieve::app
