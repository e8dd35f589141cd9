#include "source/postgresql/wal_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace reprieve {
namespace {

constexpr std::uint64_t kSegment = 16 * 1024 * 1024;

class WalMapTest : public testing::Test {
 protected:
  void add(std::uint32_t timeline, std::uint64_t from, std::uint64_t to) {
    auto& pieces = map_.timelines[timeline].pieces;
    pieces.push_back({number_++, {{from}, {to}}});
    std::ranges::sort(pieces, {}, [](const WalPiece& piece) {
      return std::pair{piece.range.from, UINT64_MAX - piece.range.to.value};
    });
  }
  WalAnswer ask(const std::string& file, bool is_standby = false) {
    return answer_wal_request(map_, file, is_standby);
  }
  static std::string segment(std::uint32_t timeline, std::uint64_t number) {
    return format_segment_name({timeline, number}, kSegment);
  }

  WalMap map_{.segment_size = kSegment, .timelines = {}};
  std::size_t number_ = 0;
};

using Kind = WalAnswer::Kind;

TEST_F(WalMapTest, ServesASegmentOutOfTheFewestPieces) {
  add(1, kSegment, kSegment + 100);
  add(1, kSegment + 100, 2 * kSegment);
  add(1, kSegment, 2 * kSegment);
  const WalAnswer answer = ask(segment(1, 1));
  ASSERT_EQ(answer.kind, Kind::kServe);
  ASSERT_EQ(answer.parts.size(), 1U);
  EXPECT_EQ(answer.parts[0].number, 2U);
}

TEST_F(WalMapTest, JoinsPiecesThatOverlap) {
  add(1, kSegment, kSegment + 1000);
  add(1, kSegment + 500, kSegment + 700);
  add(1, kSegment + 900, 2 * kSegment);
  const WalAnswer answer = ask(segment(1, 1));
  ASSERT_EQ(answer.kind, Kind::kServe);
  ASSERT_EQ(answer.parts.size(), 2U);
  EXPECT_EQ(answer.parts[0].range, (LsnRange{{kSegment}, {kSegment + 1000}}));
  EXPECT_EQ(answer.parts[1].range, (LsnRange{{kSegment + 1000}, {2 * kSegment}}));
}

TEST_F(WalMapTest, ServesTheNewestSegmentInPartButNotToAStandby) {
  add(1, kSegment, 2 * kSegment);
  add(1, 2 * kSegment, 2 * kSegment + 300);
  const WalAnswer answer = ask(segment(1, 2));
  ASSERT_EQ(answer.kind, Kind::kServe);
  EXPECT_EQ(answer.parts.back().range.to.value, 2 * kSegment + 300);
  EXPECT_EQ(ask(segment(1, 2), true).kind, Kind::kAbsent);
  EXPECT_EQ(ask(segment(1, 3)).kind, Kind::kAbsent);
}

TEST_F(WalMapTest, NeverSaysThatAGapIsTheEnd) {
  add(1, kSegment, kSegment + 100);
  add(1, kSegment + 200, 2 * kSegment);
  add(1, 4 * kSegment, 5 * kSegment);
  EXPECT_EQ(ask(segment(1, 1)).kind, Kind::kMissing);
  EXPECT_EQ(ask(segment(1, 2)).kind, Kind::kMissing);
  EXPECT_EQ(ask(segment(1, 3)).kind, Kind::kMissing);
  EXPECT_EQ(ask(segment(1, 4)).kind, Kind::kServe);
  EXPECT_EQ(ask(segment(1, 5)).kind, Kind::kAbsent);
}

TEST_F(WalMapTest, KnowsOfASegmentByTheTimelineThatFollowed) {
  add(1, kSegment, 2 * kSegment);
  map_.timelines[2].history = "1\t0/3500000\tno recovery target specified\n";
  EXPECT_EQ(ask(segment(1, 2)).kind, Kind::kMissing);
  EXPECT_EQ(ask(segment(1, 3)).kind, Kind::kMissing);
  EXPECT_EQ(ask(segment(1, 4)).kind, Kind::kAbsent);
}

TEST_F(WalMapTest, ServesHistoriesThatItHasAndDeniesOthers) {
  map_.timelines[2].history = "1\t0/3500000\treason\n";
  EXPECT_EQ(ask("00000002.history").history, "1\t0/3500000\treason\n");
  EXPECT_EQ(ask("00000003.history").kind, Kind::kAbsent);
  EXPECT_EQ(ask("00000001.history").kind, Kind::kAbsent);
  EXPECT_EQ(ask("000000010000000000000002.00000028.backup").kind, Kind::kAbsent);
  EXPECT_EQ(ask("../../etc/passwd").kind, Kind::kMissing);
}

TEST_F(WalMapTest, ReachesToTheEndOfWhatIsHeldWithoutAGap) {
  add(1, kSegment, 3 * kSegment);
  const auto reach = reach_of(map_, 1, Lsn{kSegment + 500}, 0);
  ASSERT_TRUE(reach);
  EXPECT_EQ(reach->end().value, 3 * kSegment);
  EXPECT_EQ(reach->gap, "");
  add(1, 4 * kSegment, 5 * kSegment);
  EXPECT_EQ(reach_of(map_, 1, Lsn{kSegment + 500}, 0)->end().value, 3 * kSegment);
  EXPECT_NE(reach_of(map_, 1, Lsn{kSegment + 500}, 0)->gap, "");
}

TEST_F(WalMapTest, ReachesNowhereWithoutALogThatGoesOn) {
  add(1, 2 * kSegment, 3 * kSegment);
  const auto reach = reach_of(map_, 1, Lsn{kSegment + 500}, 0);
  ASSERT_TRUE(reach);
  EXPECT_EQ(reach->end().value, kSegment + 500);
  EXPECT_NE(reach->gap, "");
  EXPECT_EQ(reach_of({.segment_size = kSegment, .timelines = {}}, 1, Lsn{500}, 0)->gap, "");
}

TEST_F(WalMapTest, FollowsTimelinesToTheNewestOrTheWantedOne) {
  add(1, kSegment, 4 * kSegment);
  add(2, 2 * kSegment, 3 * kSegment);
  map_.timelines[2].history = "1\t" + format_lsn(Lsn{2 * kSegment + 100}) + "\tx\n";
  const auto newest = reach_of(map_, 1, Lsn{kSegment + 500}, 0);
  ASSERT_TRUE(newest);
  ASSERT_EQ(newest->legs.size(), 2U);
  EXPECT_EQ(newest->legs[0].range.to.value, 2 * kSegment + 100);
  EXPECT_EQ(newest->timeline(), 2U);
  EXPECT_EQ(newest->end().value, 3 * kSegment);
  EXPECT_EQ(reach_of(map_, 1, Lsn{kSegment + 500}, 1)->end().value, 4 * kSegment);
  // A backup that was taken of timeline 1 after it was left is not on the way.
  EXPECT_EQ(reach_of(map_, 1, Lsn{2 * kSegment + 200}, 0)->timeline(), 1U);
  EXPECT_FALSE(reach_of(map_, 1, Lsn{2 * kSegment + 200}, 2));
  EXPECT_FALSE(reach_of(map_, 1, Lsn{kSegment + 500}, 7));
}

TEST(NextWalPiece, WaitsForMoreUnlessItIsDue) {
  EXPECT_FALSE(next_wal_piece(Lsn{0}, Lsn{0}, kSegment, true));
  EXPECT_FALSE(next_wal_piece(Lsn{0}, Lsn{100}, kSegment, false));
  EXPECT_EQ(next_wal_piece(Lsn{0}, Lsn{100}, kSegment, true), (LsnRange{{0}, {100}}));
}

TEST(NextWalPiece, EndsAtASegmentsEndAndAtSixteenMebibytes) {
  EXPECT_EQ(next_wal_piece(Lsn{kSegment - 5}, Lsn{kSegment + 5}, kSegment, false),
            (LsnRange{{kSegment - 5}, {kSegment}}));
  EXPECT_EQ(next_wal_piece(Lsn{0}, Lsn{4 * kSegment}, 4 * kSegment, false),
            (LsnRange{{0}, {kSegment}}));
}

TEST(TimelineHistory, IsReadWithCommentsAndRefusedWhenItGoesBack) {
  const auto steps =
      parse_timeline_history("# comment\n1\t0/3000258\tno target\n\n2\t0/5000000\tx\n");
  ASSERT_TRUE(steps);
  ASSERT_EQ(steps->size(), 2U);
  EXPECT_EQ((*steps)[1].timeline, 2U);
  EXPECT_EQ((*steps)[1].left_at, (Lsn{0x5000000}));
  EXPECT_FALSE(parse_timeline_history("2\t0/1\n1\t0/2\n"));
  EXPECT_FALSE(parse_timeline_history("1\n"));
  EXPECT_FALSE(parse_timeline_history("x\t0/1\n"));
}

}  // namespace
}  // namespace reprieve
