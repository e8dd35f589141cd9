#include "plan/schedule.hpp"

#include <gtest/gtest.h>

namespace reprieve::plan {
namespace {

/// Minutes since the beginning of some day.
Instant at(std::int64_t minutes) {
  constexpr std::int64_t kDayStart = 1'767'225'600;  // 2026-01-01T00:00:00Z
  return Instant{(kDayStart + minutes * 60) * 1'000'000'000};
}

const Schedule kEveryHour = EverySchedule{std::chrono::hours{1}};
const Schedule kAtTwo = DailySchedule{120};

TEST(Schedule, ANewPolicysFirstBackupIsDueAtOnce) {
  EXPECT_EQ(next_backup(kEveryHour, {}, at(5)), at(5));
  EXPECT_EQ(next_backup(kAtTwo, {}, at(5)), at(5));
}

TEST(Schedule, AnIntervalCountsFromWhereTheLastBackupBegan) {
  EXPECT_EQ(next_backup(kEveryHour, {.begun = at(10), .ended = at(40)}, at(41)), at(70));
  EXPECT_EQ(next_backup(kEveryHour, {.begun = at(10), .ended = at(100)}, at(101)), at(70))
      << "one that takes longer than the interval is followed at once";
}

TEST(Schedule, ADailyBackupIsDueAtItsMinuteOnce) {
  EXPECT_EQ(next_backup(kAtTwo, {.begun = at(5)}, at(6)), at(120));
  EXPECT_EQ(next_backup(kAtTwo, {.begun = at(120)}, at(130)), at(1440 + 120));
}

TEST(Schedule, OneThatWasMissedIsMadeUpForOnce) {
  const Instant now = at(3 * 1440 + 600);
  EXPECT_EQ(next_backup(kAtTwo, {.begun = at(120)}, now), at(1440 + 120));
  EXPECT_EQ(next_backup(kAtTwo, {.begun = now}, now), at(4 * 1440 + 120));
}

TEST(Schedule, AFailureIsTriedAgainMoreAndMoreSeldom) {
  BackupMemory memory{.begun = at(0), .ended = at(60), .failures = 1};
  EXPECT_EQ(next_backup(kEveryHour, memory, at(60)), at(61));
  memory.failures = 3;
  EXPECT_EQ(next_backup(kEveryHour, memory, at(60)), at(64));
  memory.failures = 1000;
  EXPECT_EQ(next_backup(kEveryHour, memory, at(60)), at(90));
}

TEST(Schedule, AClockThatWasSetBackPutsNothingOffForLong) {
  EXPECT_EQ(next_backup(kEveryHour, {.begun = at(99'999)}, at(10)), at(70));
  EXPECT_EQ(next_backup(kAtTwo, {.begun = at(99'999)}, at(10)), at(120));
  EXPECT_EQ(next_backup(kEveryHour, {.begun = {}, .ended = at(99'999), .failures = 1}, at(10)),
            at(11));
}

}  // namespace
}  // namespace reprieve::plan
