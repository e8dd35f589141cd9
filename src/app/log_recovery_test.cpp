#include "app/log_recovery.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve::app {
namespace {

using repository::Snapshot;

constexpr std::uint64_t kSegment = 1024 * 1024;
constexpr std::int64_t kSecond = 1'000'000'000;

Instant at(std::int64_t seconds) {
  return Instant{(1'700'000'000 + seconds) * kSecond};
}

/// A log of one cluster: pieces of a quarter of a segment, each a second long, with a commit in its
/// middle.
class LogRecovery : public testing::Test {
 protected:
  void SetUp() override {
    repository::UnlockKey key;
    key.key_file_secret = Secret::copy_of(Bytes(32, std::byte{7}));
    ASSERT_TRUE(repository::Repository::create(disk_, key, random_, clock_));
    auto opened = repository::Repository::open(disk_, key, random_, clock_, {});
    ASSERT_TRUE(opened);
    repository_ = *std::move(opened);
  }
  WalHeader header(std::int64_t second) {
    WalHeader header;
    header.origin = {.source = "db",
                     .system_identifier = "77",
                     .timeline = timeline_,
                     .segment_size = kSegment,
                     .page_size = 8192,
                     .server_version_num = 150000,
                     .history = history_};
    header.heard = Instant{at(second + 1).nanoseconds};
    header.commits = 1;
    header.first_commit = header.last_commit = Instant{at(second).nanoseconds + kSecond / 2};
    return header;
  }
  void put(std::uint64_t quarter, WalHeader header) {
    auto writer = repository::StreamWriter::begin(*repository_);
    ASSERT_TRUE(writer);
    const auto id = streams_.try_emplace(timeline_, writer->new_stream()).first->second;
    header.server_end = Lsn{(quarter + 1) * kSegment / 4};
    ASSERT_TRUE(writer->put(id, quarter * kSegment / 4, encode_wal_header(header),
                            Bytes(kSegment / 4, std::byte{1})));
  }
  void put_quarters(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i)
      put(i, header(static_cast<std::int64_t>(i)));
  }
  /// A recovery point that is consistent at the end of a quarter.
  void add_point(std::uint64_t quarter, std::uint32_t timeline = 1) {
    Snapshot point;
    point.description.source = "db";
    point.description.kind = "postgres";
    point.description.data_time = at(static_cast<std::int64_t>(quarter));
    point.description.facts = {{"system_identifier", "77"},
                               {"timeline", timeline},
                               {"end_lsn", format_lsn(Lsn{quarter * kSegment / 4})}};
    points_.push_back(point);
  }
  Result<LogPlan> plan(const LogTarget& target) {
    auto opened = backup::WalArchive::open(*repository_, {.source = "db", .system_identifier = ""});
    EXPECT_TRUE(opened) << opened.error().what;
    archive_ = std::make_unique<backup::WalArchive>(*std::move(opened));
    return plan_log_recovery(points_, *archive_, target);
  }
  static LogTarget to_time(std::int64_t seconds) {
    LogTarget target;
    target.kind = LogTarget::Kind::kTime;
    target.time = at(seconds);
    return target;
  }
  static LogTarget to_lsn(std::uint64_t lsn) {
    LogTarget target;
    target.kind = LogTarget::Kind::kLsn;
    target.lsn = Lsn{lsn};
    return target;
  }

  MemoryStore disk_;
  SeededRandom random_{1};
  ManualClock clock_{at(0)};
  std::unique_ptr<repository::Repository> repository_;
  std::unique_ptr<backup::WalArchive> archive_;
  std::vector<Snapshot> points_;
  std::uint32_t timeline_ = 1;
  std::string history_;
  std::map<std::uint32_t, repository::StreamId> streams_;  ///< By timeline.
};

TEST_F(LogRecovery, GoesToTheEndOfTheLogFromTheNewestPoint) {
  put_quarters(0, 20);
  add_point(5);
  add_point(10);
  const auto planned = plan({});
  ASSERT_TRUE(planned) << planned.error().what;
  EXPECT_EQ(planned->point, &points_[1]);
  EXPECT_FALSE(planned->target);
  EXPECT_EQ(planned->legs.back().range, (LsnRange{{10 * kSegment / 4}, {5 * kSegment}}));
  EXPECT_EQ(planned->recovered_to, at(20)) << "the server said that there was no more";
}

TEST_F(LogRecovery, StopsAtATimeAndTakesNoMoreLogThanThat) {
  put_quarters(0, 40);
  add_point(5);
  add_point(30);
  const auto planned = plan(to_time(12));
  ASSERT_TRUE(planned) << planned.error().what;
  EXPECT_EQ(planned->point, &points_[0]) << "the newer one is younger than the target";
  ASSERT_TRUE(planned->target);
  EXPECT_EQ(planned->target->value, format_rfc3339(at(12)));
  EXPECT_EQ(planned->legs.back().range.to.value, 13 * kSegment / 4)
      << "as far as the first commit behind it";
  EXPECT_EQ(planned->recovered_to, at(12));
}

TEST_F(LogRecovery, TakesTheEndWhereNothingWasCommittedBeforeTheTarget) {
  put_quarters(0, 8);
  add_point(5);
  WalHeader idle = header(8);
  idle.first_commit.reset();
  idle.last_commit.reset();
  idle.heard = at(100);
  put(8, idle);
  const auto planned = plan(to_time(90));
  ASSERT_TRUE(planned) << planned.error().what;
  EXPECT_FALSE(planned->target) << "a server refuses a time that no commit passes";
  EXPECT_FALSE(planned->notes.empty());
}

TEST_F(LogRecovery, RefusesWhatLiesBeforeThePointsOrBehindTheLog) {
  put_quarters(0, 8);
  add_point(5);
  for (const LogTarget& target : {to_time(3), to_time(9), to_lsn(kSegment), to_lsn(2 * kSegment)}) {
    const auto refused = plan(target);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kNotFound) << refused.error().what;
    EXPECT_NE(refused.error().hint, "");
  }
}

TEST_F(LogRecovery, StopsAtAPositionWithTheSegmentThatItsRecordMayEndIn) {
  put_quarters(0, 40);
  add_point(5);
  const auto planned = plan(to_lsn(3 * kSegment));
  ASSERT_TRUE(planned) << planned.error().what;
  EXPECT_EQ(planned->target->value, format_lsn(Lsn{3 * kSegment}));
  EXPECT_EQ(planned->legs.back().range.to.value, 4 * kSegment);
}

TEST_F(LogRecovery, FindsTheFirstRestorePointOfAName) {
  put_quarters(0, 10);
  add_point(5);
  WalHeader named = header(10);
  named.restore_points = {{"upgrade", Lsn{10 * kSegment / 4 + 100}, at(10)}};
  put(10, named);
  put_quarters(11, 20);
  LogTarget target;
  target.kind = LogTarget::Kind::kName;
  target.name = "upgrade";
  const auto planned = plan(target);
  ASSERT_TRUE(planned) << planned.error().what;
  EXPECT_EQ(planned->legs.back().range.to.value, 11 * kSegment / 4);
  target.name = "another";
  EXPECT_EQ(plan(target).error().kind, ErrorKind::kNotFound);
}

TEST_F(LogRecovery, FollowsTheNewestTimelineOrTheOneThatIsAskedFor) {
  put_quarters(0, 12);
  add_point(5);
  timeline_ = 2;
  history_ = "1\t" + format_lsn(Lsn{9 * kSegment / 4}) + "\tx\n";
  put_quarters(8, 16);
  EXPECT_EQ(plan({})->legs.size(), 2U);
  EXPECT_EQ(plan({})->end.value, 4 * kSegment);
  LogTarget old;
  old.timeline = 1;
  EXPECT_EQ(plan(old)->end.value, 3 * kSegment);
}

TEST_F(LogRecovery, SaysWhereAGapEndsIt) {
  put_quarters(0, 8);
  put_quarters(12, 16);
  add_point(5);
  const auto planned = plan({});
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->end.value, 2 * kSegment);
  ASSERT_EQ(planned->notes.size(), 1U);
  EXPECT_NE(planned->notes[0].find("gap"), std::string::npos);
  EXPECT_FALSE(plan(to_time(14))) << "it lies behind the gap";
}

TEST_F(LogRecovery, OfAPointWithoutLogIsThePointAsItIs) {
  add_point(5);
  const auto planned = plan({});
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->point, &points_[0]);
  EXPECT_EQ(planned->legs.back().range.length(), 0U);
  EXPECT_TRUE(planned->notes.empty());
}

}  // namespace
}  // namespace reprieve::app
