#include "app/exposure.hpp"

#include <gtest/gtest.h>

namespace reprieve::app {
namespace {

using std::chrono::minutes;

const plan::Plan kShop = [] {
  plan::Plan plan;
  plan.sources.push_back({"db", {}, plan::FilesSource{}});
  plan::Service loose{};
  loose.name = "report";
  loose.rpo = minutes{60};
  loose.sources = {{"db", {}}};
  plan::Service tight = loose;
  tight.name = "web";
  tight.rpo = minutes{15};
  plan.services = {loose, tight};
  return plan;
}();

repository::Snapshot point_of(const char* time) {
  repository::Snapshot snapshot;
  snapshot.time = *parse_rfc3339(time);
  snapshot.description.data_time = snapshot.time;
  snapshot.description.source = "db";
  return snapshot;
}

const Instant kNow = *parse_rfc3339("2026-11-20T12:20:00Z");

TEST(Exposure, IsTheAgeOfTheNewestPointAgainstTheTightestObjective) {
  const auto rows = exposures(
      &kShop, {point_of("2026-11-20T11:00:00Z"), point_of("2026-11-20T12:10:00Z")}, {}, {}, kNow);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].exposure, minutes{10});
  EXPECT_EQ(rows[0].objective, minutes{15});
  EXPECT_TRUE(rows[0].is_kept);
}

TEST(Exposure, IsThatOfTheLogWhereItGoesOn) {
  const auto rows = exposures(&kShop, {point_of("2026-11-20T11:00:00Z")},
                              {{"db", *parse_rfc3339("2026-11-20T12:19:58Z")}}, {}, kNow);
  EXPECT_EQ(rows.at(0).exposure, std::chrono::seconds{2});
  EXPECT_TRUE(rows.at(0).is_kept);
}

TEST(Exposure, OverTheObjectiveIsNotKept) {
  const auto rows = exposures(&kShop, {point_of("2026-11-20T12:00:00Z")}, {}, {}, kNow);
  EXPECT_FALSE(rows.at(0).is_kept);
}

TEST(Exposure, WithoutAPointKeepsNoPromise) {
  const auto rows = exposures(&kShop, {}, {}, {}, kNow);
  EXPECT_FALSE(rows.at(0).newest);
  EXPECT_FALSE(rows.at(0).is_kept);
}

TEST(Exposure, WithoutAPlanIsThatOfEverySourceInTheRepository) {
  const auto rows = exposures(
      nullptr, {point_of("2026-11-20T11:00:00Z"), point_of("2026-11-20T12:10:00Z")}, {}, {}, kNow);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].source, "db");
  EXPECT_EQ(rows[0].exposure, minutes{10});
  EXPECT_FALSE(rows[0].objective);
  EXPECT_TRUE(rows[0].is_kept);
}

}  // namespace
}  // namespace reprieve::app
