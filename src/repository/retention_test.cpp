#include "repository/retention.hpp"

#include <gtest/gtest.h>

#include "base/strong.hpp"

namespace reprieve::repository {
namespace {

using std::chrono::hours;

const Instant kNow = *parse_rfc3339("2026-11-20T12:00:00Z");

class Retention : public ::testing::Test {
 protected:
  Snapshot& point(const char* time, std::uint8_t writer = 1) {
    Snapshot snapshot;
    snapshot.writer[0] = std::byte{writer};
    snapshot.seq = ++seq_;
    snapshot.id.bytes[0] = std::byte{writer};
    snapshot.id.bytes[1] = std::byte{static_cast<std::uint8_t>(seq_)};
    snapshot.time = *parse_rfc3339(time);
    points_.push_back(snapshot);
    return points_.back();
  }

  /// "daily 1 of 2; no rule keeps it; ..." with "-" before what goes.
  std::string verdicts(const RetentionRule& rule) {
    std::string text;
    for (const RetentionVerdict& verdict : plan_retention(points_, rule, held_, kNow))
      text += (text.empty() ? "" : "; ") + std::string{verdict.is_kept ? "" : "-"} + verdict.reason;
    return text;
  }

  std::vector<Snapshot> points_;
  std::map<SnapshotId, std::string> held_;

 private:
  std::uint64_t seq_ = 0;
};

TEST_F(Retention, WithoutARuleKeepsAll) {
  point("2020-01-01T00:00:00Z");
  point("2026-01-01T00:00:00Z");
  EXPECT_EQ(verdicts({}), "no rule removes it; no rule removes it");
}

TEST_F(Retention, KeepsTheLast) {
  point("2026-11-01T00:00:00Z");
  point("2026-11-02T00:00:00Z");
  point("2026-11-03T00:00:00Z");
  EXPECT_EQ(verdicts({.last = 2}), "-no rule keeps it; last 2 of 2; last 1 of 2");
}

TEST_F(Retention, KeepsTheNewestOfEachDayThatHasOne) {
  point("2026-11-01T01:00:00Z");
  point("2026-11-10T01:00:00Z");
  point("2026-11-10T23:59:59Z");
  point("2026-11-12T00:00:00Z");
  EXPECT_EQ(verdicts({.daily = 2}),
            "-no rule keeps it; -no rule keeps it; daily 2 of 2; daily 1 of 2");
}

TEST_F(Retention, WeeksBeginOnMondayAndMonthsAndYearsOnTheFirst) {
  point("2025-12-31T23:59:59Z");
  point("2026-11-01T23:59:59Z");  // A Sunday.
  point("2026-11-02T00:00:00Z");
  EXPECT_EQ(verdicts({.weekly = 2}), "-no rule keeps it; weekly 2 of 2; weekly 1 of 2");
  EXPECT_EQ(verdicts({.monthly = 2}), "monthly 2 of 2; -no rule keeps it; monthly 1 of 2");
  EXPECT_EQ(verdicts({.yearly = 9}), "yearly 2 of 9; -no rule keeps it; yearly 1 of 9");
}

TEST_F(Retention, RulesAddUp) {
  point("2025-06-01T00:00:00Z");
  point("2026-11-10T00:00:00Z");
  point("2026-11-10T06:00:00Z");
  EXPECT_EQ(verdicts({.last = 1, .daily = 1, .yearly = 2}),
            "yearly 2 of 2; -no rule keeps it; last 1 of 1, daily 1 of 1, yearly 1 of 2");
}

TEST_F(Retention, KeepsWhatIsYoungAndTheNewestThereIs) {
  point("2026-11-01T00:00:00Z");
  point("2026-11-19T12:00:00Z");
  EXPECT_EQ(verdicts({.within = hours{48}}), "-no rule keeps it; younger than 2d 00h");
  points_.pop_back();
  EXPECT_EQ(verdicts({.within = hours{48}}), "the newest");
}

TEST_F(Retention, HoldsAndTagsKeepWhatNoRuleDoes) {
  const SnapshotId held = point("2026-01-01T00:00:00Z").id;
  point("2026-01-02T00:00:00Z").description.tags = {"release"};
  point("2026-01-03T00:00:00Z");
  held_[held] = "trial in Graz";
  EXPECT_EQ(verdicts({.last = 1, .tags = {"release"}}),
            "held: trial in Graz; tag release; last 1 of 1");
}

TEST_F(Retention, APointFromTheFutureStaysAndEvictsNothing) {
  point("2026-11-01T00:00:00Z");
  point("2099-01-01T00:00:00Z");
  EXPECT_EQ(verdicts({.last = 1}), "last 1 of 1; dated in the future");
}

TEST_F(Retention, APointDatedBackEvictsNothing) {
  point("2026-11-01T00:00:00Z");
  point("2026-11-02T00:00:00Z");
  point("2026-10-01T00:00:00Z");
  EXPECT_EQ(verdicts({.last = 1}),
            "-no rule keeps it; last 1 of 1; dated before the one that it follows");
}

TEST_F(Retention, AFloodOfNewPointsEvictsNothingForADay) {
  point("2026-11-01T00:00:00Z");
  for (int copy = 0; copy < 3; ++copy)
    point("2026-11-20T11:00:00Z");
  EXPECT_EQ(verdicts({.last = 1}),
            "last 1 of 1; younger than 1d 00h; younger than 1d 00h; younger than 1d 00h");
  EXPECT_EQ(verdicts({.last = 1, .min_age = {}}),
            "-no rule keeps it; -no rule keeps it; -no rule keeps it; last 1 of 1");
}

TEST_F(Retention, OneWritersPointsNeverPushOutAnothers) {
  point("2026-11-01T00:00:00Z", 1);
  point("2026-11-02T00:00:00Z", 2);
  point("2026-11-03T00:00:00Z", 2);
  EXPECT_EQ(verdicts({.last = 1}), "last 1 of 1; -no rule keeps it; last 1 of 1");
}

TEST_F(Retention, AnInterruptedPointGoesOnceAWholeOneCame) {
  point("2026-11-01T00:00:00Z").is_final = false;
  EXPECT_EQ(verdicts({.last = 3}), "interrupted, and none came after it");
  point("2026-11-02T00:00:00Z");
  EXPECT_EQ(verdicts({.last = 3}), "-interrupted, and a whole one came after it; last 1 of 3");
}

TEST_F(Retention, PutsARewrittenPointWhereTheOneStoodThatItReplaces) {
  point("2026-11-10T00:00:00Z");
  point("2026-11-11T00:00:00Z");
  point("2026-11-12T00:00:00Z");
  const std::string before = verdicts({.last = 2});
  // The second one is rewritten by an administrator, days later.
  Snapshot& rewritten = points_[1];
  rewritten.description.replaces = Replaced{.id = rewritten.id,
                                            .writer = rewritten.writer,
                                            .seq = rewritten.seq,
                                            .time = rewritten.time,
                                            .rewritten = kNow};
  rewritten.writer[0] = std::byte{9};
  rewritten.seq = 77;
  rewritten.id.bytes[0] = std::byte{9};
  EXPECT_EQ(verdicts({.last = 2}), before);
  EXPECT_EQ(before, "-no rule keeps it; last 2 of 2; last 1 of 2");
}

TEST_F(Retention, CountsAPointAndWhatWasRewrittenFromItAsOne) {
  point("2026-11-10T00:00:00Z");
  point("2026-11-11T00:00:00Z");
  point("2026-11-12T00:00:00Z");
  Snapshot both = points_[2];
  both.description.replaces = Replaced{
      .id = both.id, .writer = both.writer, .seq = both.seq, .time = both.time, .rewritten = kNow};
  both.writer[0] = std::byte{9};
  both.seq = 77;
  both.id.bytes[0] = std::byte{9};
  points_.push_back(both);
  EXPECT_EQ(verdicts({.last = 2}), "-no rule keeps it; last 2 of 2; last 1 of 2; last 1 of 2");
}

}  // namespace
}  // namespace reprieve::repository
