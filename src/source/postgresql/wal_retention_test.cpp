#include "source/postgresql/wal_retention.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

using Kind = WalVerdict::Kind;

constexpr std::uint64_t kSegment = 16 * 1024 * 1024;

LsnRange segments(std::uint64_t from, std::uint64_t to) {
  return {{from * kSegment}, {to * kSegment}};
}

StoredWal stream_of(std::uint32_t timeline, std::vector<LsnRange> pieces,
                    std::string history = "") {
  return {.timeline = timeline,
          .segment_size = kSegment,
          .history = std::move(history),
          .pieces = std::move(pieces)};
}

std::string left(std::uint32_t timeline, std::uint64_t segment) {
  return std::to_string(timeline) + "\t" + format_lsn(Lsn{segment * kSegment}) + "\tx\n";
}

WalAnchor anchor(std::uint32_t timeline, std::uint64_t segment, std::uint64_t offset = 0x28) {
  return {timeline, Lsn{segment * kSegment + offset}};
}

std::vector<Kind> kinds(const WalStreamPlan& plan) {
  std::vector<Kind> kinds;
  kinds.reserve(plan.pieces.size());
  for (const WalVerdict& verdict : plan.pieces)
    kinds.push_back(verdict.kind);
  return kinds;
}

TEST(WalRetention, RemovesLogBeforeTheSegmentInWhichTheOldestPointEnds) {
  const auto stream = stream_of(1, {segments(1, 2), segments(2, 3), segments(3, 4)});

  const auto plan = plan_wal_retention({stream}, {anchor(1, 5), anchor(1, 2)});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kBefore, Kind::kKept, Kind::kKept}));
  EXPECT_EQ(plan[0].needed_from, Lsn{2 * kSegment});
}

TEST(WalRetention, KeepsTheWholeSegmentOfAPointThatEndsInItsMiddle) {
  const LsnRange first{{2 * kSegment}, {2 * kSegment + 100}};
  const LsnRange second{{2 * kSegment + 100}, {2 * kSegment + 200}};
  const auto stream = stream_of(1, {first, second, segments(3, 4)});

  const auto plan = plan_wal_retention({stream}, {anchor(1, 2, 5000)});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kKept, Kind::kKept, Kind::kKept}));
}

TEST(WalRetention, RemovesWhatEndsWhereTheSegmentBeginsAndKeepsWhatReachesIntoIt) {
  const auto stream =
      stream_of(1, {{{kSegment}, {2 * kSegment}}, {{kSegment}, {2 * kSegment + 1}}});

  const auto plan = plan_wal_retention({stream}, {anchor(1, 2, 0)});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kBefore, Kind::kKept}));
}

TEST(WalRetention, KeepsAllOfAClusterOfWhichNoPointIsKept) {
  const auto plan = plan_wal_retention({stream_of(1, {segments(1, 2), segments(2, 3)})}, {});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kKept, Kind::kKept}));
  EXPECT_FALSE(plan[0].needed_from);
  EXPECT_EQ(plan[0].reason, "no recovery point of this cluster is kept");
}

TEST(WalRetention, KeepsAStreamsNewestPieceHoweverOldItIs) {
  const auto stream = stream_of(1, {segments(2, 3), segments(1, 2)});

  const auto plan = plan_wal_retention({stream}, {anchor(1, 9)});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kKept, Kind::kBefore}));
}

TEST(WalRetention, RemovesLogOfTimelinesThatLedToTheOldestPoint) {
  const auto first = stream_of(1, {segments(1, 2), segments(2, 3), segments(3, 4)});
  const auto second = stream_of(2, {segments(2, 3), segments(3, 9)}, left(1, 2));
  const auto third = stream_of(3, {segments(4, 5), segments(5, 9)}, left(1, 2) + left(2, 4));

  const auto plan = plan_wal_retention({first, second, third}, {anchor(3, 5)});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kBefore, Kind::kBefore, Kind::kKept}));
  EXPECT_EQ(kinds(plan[1]), (std::vector{Kind::kBefore, Kind::kKept}));
  EXPECT_EQ(kinds(plan[2]), (std::vector{Kind::kBefore, Kind::kKept}));
}

TEST(WalRetention, KeepsTheWayOnFromAPointOnAnEarlierTimeline) {
  const auto first = stream_of(1, {segments(1, 2), segments(2, 3)});
  const auto second = stream_of(2, {segments(2, 3), segments(3, 4)}, left(1, 2));

  const auto plan = plan_wal_retention({first, second}, {anchor(1, 1), anchor(2, 3)});

  for (const WalStreamPlan& each : plan)
    EXPECT_EQ(kinds(each), (std::vector{Kind::kKept, Kind::kKept})) << each.reason;
}

TEST(WalRetention, KeepsATimelineOfWhichNobodyKnowsWhereItLed) {
  // 2 and 3 both left 1; the kept point is on 3.
  const auto second = stream_of(2, {segments(2, 3), segments(3, 4)}, left(1, 2));
  const auto third = stream_of(3, {segments(2, 3), segments(3, 9)}, left(1, 2));

  const auto plan = plan_wal_retention({second, third}, {anchor(3, 8)});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kKept, Kind::kKept}));
  EXPECT_NE(plan[0].reason.find("not known to lead"), std::string::npos);
}

TEST(WalRetention, RemovesASideTimelineThatWasLeftBeforeTheOldestPoint) {
  // 1 -> 2 -> 4 was given up; 1 -> 3 is what the kept point is on.
  const auto second = stream_of(2, {segments(2, 3), segments(3, 4)}, left(1, 2));
  const auto third = stream_of(3, {segments(2, 3), segments(3, 9)}, left(1, 2));
  const auto fourth = stream_of(4, {segments(3, 4), segments(4, 5)}, left(1, 2) + left(2, 3));

  const auto plan = plan_wal_retention({second, third, fourth}, {anchor(3, 8)});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kBefore, Kind::kKept}));
  EXPECT_EQ(kinds(plan[2]), (std::vector{Kind::kKept, Kind::kKept}));
  const auto early = plan_wal_retention({second, third, fourth}, {anchor(3, 2)});
  EXPECT_EQ(kinds(early[0]), (std::vector{Kind::kKept, Kind::kKept})) << "left after that";
}

TEST(WalRetention, KeepsAnAncestorWhenTwoServersGaveOneNumberToTheirTimelines) {
  const auto first = stream_of(1, {segments(1, 2), segments(2, 3)});
  const auto one = stream_of(3, {segments(3, 4)}, left(1, 9));
  const auto other = stream_of(3, {segments(3, 4)}, left(2, 9));

  const auto plan = plan_wal_retention({first, one, other}, {anchor(3, 3)});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kKept, Kind::kKept}));
}

TEST(WalRetention, FindsWhatOneLongerPieceCovers) {
  const LsnRange a{{kSegment}, {kSegment + 100}};
  const LsnRange b{{kSegment + 100}, {kSegment + 300}};
  const LsnRange over_the_end{{2 * kSegment - 10}, {2 * kSegment + 10}};
  const auto stream = stream_of(1, {a, b, segments(1, 2), over_the_end});

  const auto plan = plan_wal_retention({stream}, {});

  EXPECT_EQ(kinds(plan[0]),
            (std::vector{Kind::kCovered, Kind::kCovered, Kind::kKept, Kind::kKept}));
  EXPECT_EQ(plan[0].pieces[0].by, 2U);
  EXPECT_EQ(plan[0].pieces[1].by, 2U);
}

TEST(WalRetention, NamesAPieceThatIsNotCoveredItself) {
  const auto at = [](std::uint64_t from, std::uint64_t to) { return LsnRange{{from}, {to}}; };
  const auto stream = stream_of(1, {at(10, 20), at(10, 30), at(10, 40), at(35, 40), at(40, 50)});

  const auto plan = plan_wal_retention({stream}, {});

  for (const std::size_t i : {0U, 1U, 3U})
    EXPECT_TRUE(plan[0].pieces[i].kind == Kind::kCovered && plan[0].pieces[i].by == 2) << i;
  EXPECT_EQ(plan[0].pieces[2].kind, Kind::kKept);
  EXPECT_EQ(plan[0].pieces[4].kind, Kind::kKept);
}

TEST(WalRetention, DoesNotCoverByTwoPiecesTogether) {
  const auto at = [](std::uint64_t from, std::uint64_t to) { return LsnRange{{from}, {to}}; };

  const auto plan = plan_wal_retention({stream_of(1, {at(0, 10), at(5, 15), at(10, 20)})}, {});

  EXPECT_EQ(kinds(plan[0]), (std::vector{Kind::kKept, Kind::kKept, Kind::kKept}));
}

TEST(WalRetention, OfAStreamWithoutPiecesNothingIsSaid) {
  EXPECT_TRUE(plan_wal_retention({stream_of(1, {})}, {anchor(1, 1)})[0].pieces.empty());
}

}  // namespace
}  // namespace reprieve
