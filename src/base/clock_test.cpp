#include "base/clock.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "base/random.hpp"

namespace reprieve {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(Rfc3339, PrintsSecondsAndOnlyTheDigitsThatCount) {
  EXPECT_EQ(format_rfc3339(Instant{0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(Instant{1'795'186'140 * kSecond}), "2026-11-20T14:49:00Z");
  EXPECT_EQ(format_rfc3339(Instant{123'000'000}), "1970-01-01T00:00:00.123Z");
  EXPECT_EQ(format_rfc3339(Instant{120'000'000}), "1970-01-01T00:00:00.120Z");
  EXPECT_EQ(format_rfc3339(Instant{123'456'000}), "1970-01-01T00:00:00.123456Z");
  EXPECT_EQ(format_rfc3339(Instant{1}), "1970-01-01T00:00:00.000000001Z");
}

TEST(Rfc3339, PrintsMomentsBefore1970) {
  EXPECT_EQ(format_rfc3339(Instant{-1}), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(format_rfc3339(Instant{-kSecond}), "1969-12-31T23:59:59Z");
  EXPECT_EQ(format_rfc3339(Instant{-kSecond / 2}), "1969-12-31T23:59:59.500Z");
  EXPECT_EQ(format_rfc3339(Instant{-86'400 * kSecond}), "1969-12-31T00:00:00Z");
}

TEST(Rfc3339, PrintsTheFirstAndTheLastMomentThatItHas) {
  EXPECT_EQ(format_rfc3339(Instant{std::numeric_limits<std::int64_t>::min()}),
            "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(format_rfc3339(Instant{std::numeric_limits<std::int64_t>::max()}),
            "2262-04-11T23:47:16.854775807Z");
}

TEST(Rfc3339, ReadsEverySpellingOfAMoment) {
  const Instant expected{1'795'186'140 * kSecond};
  for (const char* text :
       {"2026-11-20T14:49:00Z", "2026-11-20t14:49:00z", "2026-11-20 14:49:00Z",
        "2026-11-20T14:49:00.0Z", "2026-11-20T14:49:00.000000000Z", "2026-11-20T14:49:00+00:00",
        "2026-11-20T14:49:00-00:00", "2026-11-20T15:49:00+01", "2026-11-20T20:19:00+0530",
        "2026-11-20T20:19:00+05:30", "2026-11-20T06:49:00-08:00", "2026-11-21T14:48:00+23:59"})
    EXPECT_EQ(parse_rfc3339(text), expected) << text;
}

TEST(Rfc3339, ReadsFractionsOfAnyLength) {
  const std::pair<const char*, std::int64_t> expected[] = {
      {"1970-01-01T00:00:00.5Z", 500'000'000},
      {"1970-01-01T00:00:00.05Z", 50'000'000},
      {"1970-01-01T00:00:00.123456789Z", 123'456'789},
      {"1969-12-31T23:59:59.999999999Z", -1},
      {"1969-12-31T23:59:59.5+00:00", -500'000'000},
      {"1970-01-01T00:00:00.25+00:01", -60 * kSecond + 250'000'000}};
  for (const auto& [text, nanoseconds] : expected)
    EXPECT_EQ(parse_rfc3339(text), Instant{nanoseconds}) << text;
}

TEST(Rfc3339, KnowsTheCalendar) {
  EXPECT_TRUE(parse_rfc3339("2024-02-29T00:00:00Z"));
  EXPECT_TRUE(parse_rfc3339("2000-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("2026-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("2100-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("2026-04-31T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("2026-13-01T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("2026-00-01T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("2026-01-00T00:00:00Z"));
}

TEST(Rfc3339, RefusesALocalTime) {
  EXPECT_FALSE(parse_rfc3339("2026-11-20T14:49:00"));
  EXPECT_FALSE(parse_rfc3339("2026-11-20 14:49:00.5"));
  EXPECT_FALSE(parse_rfc3339("2026-11-20"));
}

TEST(Rfc3339, RefusesWhatItCannotHold) {
  EXPECT_FALSE(parse_rfc3339("1677-12-31T23:59:59Z"));
  EXPECT_FALSE(parse_rfc3339("2262-01-01T00:00:00Z"));
  EXPECT_TRUE(parse_rfc3339("1678-01-01T00:00:00+23:59"));
  EXPECT_TRUE(parse_rfc3339("2261-12-31T23:59:59.999999999-23:59"));
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
  for (const char* text : {"",
                           "Z",
                           "now",
                           "2026-11-20T14:49Z",
                           "2026-11-20T24:00:00Z",
                           "2026-11-20T14:60:00Z",
                           "2026-11-20T14:49:60Z",
                           "2026-11-20T14:49:00.Z",
                           "2026-11-20T14:49:00.1234567890Z",
                           "2026-11-20T14:49:00,5Z",
                           "2026-11-20T14:49:00ZZ",
                           "2026-11-20T14:49:00Z ",
                           " 2026-11-20T14:49:00Z",
                           "2026-11-20T14:49:00+24:00",
                           "2026-11-20T14:49:00+01:60",
                           "2026-11-20T14:49:00+1",
                           "2026-11-20T14:49:00+01:",
                           "2026-11-20T14:49:00+01:0",
                           "2026-11-20T14:49:00 UTC",
                           "26-11-20T14:49:00Z",
                           "-026-11-20T14:49:00Z",
                           "2026/11/20T14:49:00Z",
                           "2026-11-20_14:49:00Z",
                           "2026-1-20T14:49:00Z",
                           "+2026-11-20T14:49:00Z",
                           "2026-11-20T14:49:0\xff\x5a"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Rfc3339, ReadsBackWhatItPrinted) {
  SeededRandom random{1969};
  for (int round = 0; round < 2'000; ++round) {
    // A quarter of the range on each side of 1970, so that the year is always one that is read.
    const Instant instant{static_cast<std::int64_t>(random.next()) / 4 * 3};
    ASSERT_EQ(parse_rfc3339(format_rfc3339(instant)), instant) << format_rfc3339(instant);
  }
}

TEST(Instant, IsComparedAndMovedByDurations) {
  const Instant start{5};
  const Instant later = start + std::chrono::seconds{1};
  EXPECT_LT(start, later);
  EXPECT_EQ(later - start, std::chrono::seconds{1});
  EXPECT_EQ(start - later, -std::chrono::seconds{1});
}

TEST(ManualClock, MovesOnlyWhenToldTo) {
  ManualClock clock{Instant{10}};
  EXPECT_EQ(clock.now(), Instant{10});
  EXPECT_EQ(clock.now(), Instant{10});
  clock.sleep_for(Duration{5});
  EXPECT_EQ(clock.now(), Instant{15});
  EXPECT_EQ(clock.uptime(), Duration{15});
}

TEST(SystemClock, TellsThisCenturyAndNeverRunsBack) {
  Clock& clock = system_clock();
  EXPECT_GT(clock.now(), *parse_rfc3339("2020-01-01T00:00:00Z"));
  const Duration before = clock.uptime();
  EXPECT_GE(clock.uptime(), before);
  clock.sleep_for(Duration{1});
  EXPECT_GT(clock.uptime(), before);
}

}  // namespace
}  // namespace reprieve
