#include "base/format.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace reprieve {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(FormatSize, ShowsThreeDigitsInBinaryUnits) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(812), "812 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1024), "1.00 KiB");
  EXPECT_EQ(format_size(3'670'016), "3.50 MiB");
  EXPECT_EQ(format_size(10 * 1024), "10.0 KiB");
  EXPECT_EQ(format_size(100 * 1024), "100 KiB");
  EXPECT_EQ(format_size(std::uint64_t{5} << 40), "5.00 TiB");
  EXPECT_EQ(format_size(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
}

TEST(FormatSize, ChangesTheUnitBeforeItWouldShowFourDigits) {
  EXPECT_EQ(format_size(1024 * 999), "999 KiB");
  EXPECT_EQ(format_size(1024 * 1000), "0.98 MiB");
  EXPECT_EQ(format_size(1024 * 1024 - 1), "1.00 MiB");
  EXPECT_EQ(format_size(1024 * 10 - 1), "10.0 KiB");
  EXPECT_EQ(format_size(1024 * 100 - 1), "100 KiB");
}

TEST(FormatDuration, PicksTheUnitsThatAPersonWouldSay) {
  EXPECT_EQ(format_duration(Duration{0}), "0 ms");
  EXPECT_EQ(format_duration(milliseconds{812}), "812 ms");
  EXPECT_EQ(format_duration(milliseconds{4'200}), "4.2 s");
  EXPECT_EQ(format_duration(seconds{192}), "3m 12s");
  EXPECT_EQ(format_duration(hours{5} + minutes{2}), "5h 02m");
  EXPECT_EQ(format_duration(hours{76}), "3d 04h");
  EXPECT_EQ(format_duration(hours{24 * 365}), "365d 00h");
}

TEST(FormatDuration, ChangesTheUnitAtItsBoundary) {
  EXPECT_EQ(format_duration(milliseconds{999}), "999 ms");
  EXPECT_EQ(format_duration(seconds{1}), "1.0 s");
  EXPECT_EQ(format_duration(milliseconds{59'949}), "59.9 s");
  EXPECT_EQ(format_duration(milliseconds{59'950}), "1m 00s");
  EXPECT_EQ(format_duration(seconds{60}), "1m 00s");
  EXPECT_EQ(format_duration(seconds{3'599}), "59m 59s");
  EXPECT_EQ(format_duration(seconds{3'600}), "1h 00m");
  EXPECT_EQ(format_duration(seconds{86'399}), "23h 59m");
  EXPECT_EQ(format_duration(seconds{86'400}), "1d 00h");
}

TEST(FormatDuration, ShowsTheSignOfANegativeOne) {
  EXPECT_EQ(format_duration(-seconds{90}), "-1m 30s");
  EXPECT_EQ(format_duration(Duration::min()), "-106751d 23h");
  EXPECT_EQ(format_duration(Duration::max()), "106751d 23h");
}

TEST(FormatCount, GroupsThousands) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(0, "file"), "0 files");
  EXPECT_EQ(format_count(1, "file"), "1 file");
  EXPECT_EQ(format_count(1'000, "file"), "1,000 files");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1'000), "1,000");
  EXPECT_EQ(format_count(172'949), "172,949");
  EXPECT_EQ(format_count(1'000'000), "1,000,000");
  EXPECT_EQ(format_count(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
}

}  // namespace
}  // namespace reprieve
