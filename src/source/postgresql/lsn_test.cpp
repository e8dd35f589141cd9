#include "source/postgresql/lsn.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

TEST(Lsn, ReadsBackWhatItWrites) {
  EXPECT_EQ(format_lsn(Lsn{0x100000000ULL + 0x3000060}), "1/3000060");
  EXPECT_EQ(parse_lsn("1/3000060"), (Lsn{0x103000060ULL}));
  EXPECT_EQ(parse_lsn("FFFFFFFF/FFFFFFFF"), (Lsn{UINT64_MAX}));
}

TEST(Lsn, RefusesWhatIsNone) {
  for (const char* text : {"", "/", "1", "1/", "/1", "1/2/3", "100000000/0", "0/-1", "0/ 1", "0/G"})
    EXPECT_FALSE(parse_lsn(text)) << text;
}

TEST(Lsn, NamesSegmentsAsTheServerDoes) {
  EXPECT_EQ(format_segment_name({1, 3}, 16 * kMiB), "000000010000000000000003");
  EXPECT_EQ(format_segment_name({2, 256}, 16 * kMiB), "000000020000000100000000");
  EXPECT_EQ(format_segment_name({1, 64}, 64 * kMiB), "000000010000000100000000");
  EXPECT_EQ(format_segment_name({1, 4095}, kMiB), "000000010000000000000FFF");
}

TEST(Lsn, ReadsSegmentNamesOfAnySegmentSize) {
  EXPECT_EQ(parse_segment_name("0000000200000001000000FF", 16 * kMiB), (SegmentName{2, 511}));
  EXPECT_EQ(parse_segment_name("000000010000000100000000", 64 * kMiB), (SegmentName{1, 64}));
}

TEST(Lsn, RefusesSegmentNamesThatNoServerWrites) {
  EXPECT_FALSE(parse_segment_name("000000010000000000000100", 16 * kMiB)) << "past the log's end";
  EXPECT_FALSE(parse_segment_name("00000001000000000000000a", 16 * kMiB)) << "lower case";
  EXPECT_FALSE(parse_segment_name("00000001000000000000003", 16 * kMiB)) << "too short";
  EXPECT_FALSE(parse_segment_name("000000010000000000000003.partial", 16 * kMiB));
  EXPECT_FALSE(parse_segment_name("000000000000000000000003", 16 * kMiB)) << "timeline 0";
  EXPECT_FALSE(parse_segment_name("000000010000000000000003", 3 * kMiB)) << "odd segment size";
}

TEST(Lsn, TellsHistoryFilesByName) {
  EXPECT_EQ(format_history_name(10), "0000000A.history");
  EXPECT_EQ(parse_history_name("0000000A.history"), 10U);
  EXPECT_FALSE(parse_history_name("0000000a.history"));
  EXPECT_FALSE(parse_history_name("A.history"));
}

TEST(Lsn, PutsABoundaryIntoTheLaterSegment) {
  EXPECT_EQ(segment_of(Lsn{16 * kMiB - 1}, 16 * kMiB), 0U);
  EXPECT_EQ(segment_of(Lsn{16 * kMiB}, 16 * kMiB), 1U);
  EXPECT_EQ(segment_start(2, 16 * kMiB), (Lsn{32 * kMiB}));
}

}  // namespace
}  // namespace reprieve
