#include "base/local_time.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace reprieve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LocalTime : public testing::Test {
 protected:
  static void live_in(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  void TearDown() override { live_in("UTC0"); }
};

constexpr auto kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";

TEST_F(LocalTime, OfAZoneMayAlsoBeMeantInUtc) {
  live_in(kBerlin);
  EXPECT_THAT(meanings_without_zone("2026-11-20 14:49"),
              ElementsAre("2026-11-20T14:49:00+01:00 (CET)", "2026-11-20T14:49:00Z (UTC)"));
  EXPECT_THAT(meanings_without_zone("2026-07-01T14:49:05.5"),
              ElementsAre("2026-07-01T14:49:05.5+02:00 (CEST)", "2026-07-01T14:49:05.5Z (UTC)"));
}

TEST_F(LocalTime, ThatCameTwiceHasBothMeanings) {
  live_in(kBerlin);
  EXPECT_THAT(meanings_without_zone("2026-10-25 02:30:00"),
              ElementsAre("2026-10-25T02:30:00+02:00 (CEST)", "2026-10-25T02:30:00+01:00 (CET)",
                          "2026-10-25T02:30:00Z (UTC)"));
}

TEST_F(LocalTime, ThatWasSkippedIsOfUtcOnly) {
  live_in(kBerlin);
  EXPECT_THAT(meanings_without_zone("2026-03-29 02:30"), ElementsAre("2026-03-29T02:30:00Z (UTC)"));
}

TEST_F(LocalTime, OnAMachineInUtcHasOneMeaning) {
  live_in("UTC0");
  EXPECT_THAT(meanings_without_zone("2026-11-20 14:49"), ElementsAre("2026-11-20T14:49:00Z (UTC)"));
}

TEST_F(LocalTime, ThatIsNoneHasNoMeaning) {
  EXPECT_THAT(meanings_without_zone("yesterday"), IsEmpty());
  EXPECT_THAT(meanings_without_zone("2026-11-20"), IsEmpty());
  EXPECT_THAT(meanings_without_zone("2026-11-20T14:49:00Z"), IsEmpty());
  EXPECT_EQ(not_a_moment("yesterday").hint, "Write it as 2026-11-20T14:49:00Z.");
}

TEST_F(LocalTime, IsRefusedWithWhatItMayMean) {
  live_in(kBerlin);
  const Error error = not_a_moment("2026-11-20 14:49");
  EXPECT_EQ(error.what, "2026-11-20 14:49 is no time with a zone");
  EXPECT_EQ(error.hint, "Write 2026-11-20T14:49:00+01:00 (CET), or 2026-11-20T14:49:00Z (UTC).");
}

}  // namespace
}  // namespace reprieve
