#include "app/log_ranges.hpp"

#include <gtest/gtest.h>

namespace reprieve::app {
namespace {

constexpr std::uint64_t kSegment = 16 * 1024 * 1024;

class LogRangesTest : public testing::Test {
 protected:
  void add_log(std::uint32_t timeline, std::uint64_t from, std::uint64_t to) {
    map_.timelines[timeline].pieces.push_back({number_++, {{from}, {to}}});
  }
  void add_point(std::uint64_t end, std::uint32_t timeline = 1, const std::string& system = "77") {
    repository::Snapshot point;
    point.id.bytes[0] = static_cast<std::byte>(points_.size() + 1);
    point.description.kind = "postgres";
    point.description.data_time = Instant{static_cast<std::int64_t>(end)};
    point.description.facts = {
        {"system_identifier", system}, {"timeline", timeline}, {"end_lsn", format_lsn(Lsn{end})}};
    points_.push_back(std::move(point));
  }
  std::vector<LogRange> find() { return find_log_ranges(map_, "77", points_); }

  WalMap map_{.segment_size = kSegment, .timelines = {}};
  std::vector<repository::Snapshot> points_;
  std::size_t number_ = 0;
};

TEST_F(LogRangesTest, BeginAtTheOldestPointFromWhichTheLogGoesOn) {
  add_log(1, 2 * kSegment, 9 * kSegment);
  add_point(kSegment + 10);
  add_point(3 * kSegment + 10);
  add_point(5 * kSegment + 10);

  const auto ranges = find();

  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges[0].point, points_[1].id);
  EXPECT_EQ(ranges[0].range, (LsnRange{{3 * kSegment + 10}, {9 * kSegment}}));
  EXPECT_EQ(ranges[0].from_time, points_[1].description.data_time);
  EXPECT_EQ(ranges[0].gap, "");
}

TEST_F(LogRangesTest, EndAtAGapAndBeginAgainAtThePointBehindIt) {
  add_log(1, kSegment, 3 * kSegment);
  add_log(1, 5 * kSegment, 9 * kSegment);
  add_point(kSegment + 10);
  add_point(4 * kSegment + 10);
  add_point(6 * kSegment + 10);

  const auto ranges = find();

  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0].range, (LsnRange{{kSegment + 10}, {3 * kSegment}}));
  EXPECT_NE(ranges[0].gap, "");
  EXPECT_EQ(ranges[1].range, (LsnRange{{6 * kSegment + 10}, {9 * kSegment}}));
  EXPECT_EQ(ranges[1].gap, "");
}

TEST_F(LogRangesTest, AreToldOfEachTimeline) {
  add_log(1, kSegment, 4 * kSegment);
  add_log(2, 2 * kSegment, 3 * kSegment);
  map_.timelines[2].history = "1\t" + format_lsn(Lsn{2 * kSegment + 100}) + "\tx\n";
  add_point(kSegment + 10);
  add_point(2 * kSegment + 500, 2);

  const auto ranges = find();

  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0].timeline, 1U);
  EXPECT_EQ(ranges[0].range.to.value, 4 * kSegment);
  EXPECT_EQ(ranges[1].timeline, 2U);
  EXPECT_EQ(ranges[1].range, (LsnRange{{kSegment + 10}, {3 * kSegment}}));
  EXPECT_EQ(ranges[1].point, points_[0].id);
}

TEST_F(LogRangesTest, AreNoneWithoutAPointOfTheCluster) {
  add_log(1, kSegment, 4 * kSegment);
  EXPECT_TRUE(find().empty());
  add_point(kSegment + 10, 1, "78");
  EXPECT_TRUE(find().empty());
  add_point(4 * kSegment, 1);
  EXPECT_TRUE(find().empty()) << "nothing goes on from there yet";
}

}  // namespace
}  // namespace reprieve::app
