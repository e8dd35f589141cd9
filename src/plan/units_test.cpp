#include "plan/units.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace reprieve::plan {
namespace {

using namespace std::chrono_literals;

TEST(Units, ReadsDurations) {
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("4h"), 4h);
  EXPECT_EQ(parse_duration("1d"), 24h);
  EXPECT_EQ(parse_duration("2w"), 24h * 14);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(Units, RefusesWhatIsNoDuration) {
  for (const auto* text : {"", "5", "m", "5 m", "-5m", "1.5h", "5min", "5M", "30m1h", "1h1h",
                           "1h30", "36501d", "99999999999999999999s", "5m "})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(Units, WritesDurationsThatReadBack) {
  for (const auto* text : {"30s", "5m", "4h", "1d", "2w", "500ms", "1h30m", "15d", "1d2h3m4s5ms"})
    EXPECT_EQ(duration_text(*parse_duration(text)), text);
  EXPECT_EQ(duration_text(0s), "0s");
  EXPECT_EQ(duration_text(7 * 24h), "1w");
  EXPECT_EQ(duration_text(-90s), "-1m30s");
}

TEST(Units, ReadsSizes) {
  EXPECT_EQ(parse_size("10MiB"), ByteCount{10U << 20});
  EXPECT_EQ(parse_size("0B"), ByteCount{0});
  EXPECT_EQ(parse_size("2GB"), ByteCount{2'000'000'000});
}

TEST(Units, RefusesWhatIsNoSize) {
  for (const auto* text : {"", "10", "MiB", "10mib", "10 MiB", "1.5GiB", "-1B", "9999999999TiB"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

}  // namespace
}  // namespace reprieve::plan
