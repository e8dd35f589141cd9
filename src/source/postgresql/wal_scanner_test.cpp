#include "source/postgresql/wal_scanner.hpp"

#include <gtest/gtest.h>

#include "source/postgresql/test_wal_log.hpp"

namespace reprieve {
namespace {

using Log = TestWalLog;
constexpr std::uint32_t kPage = Log::kPage;
constexpr std::uint64_t kSegment = Log::kSegment;

struct Scan {
  std::vector<WalEvent> events;
  Result<> outcome = kOk;
  Lsn proved_until;
};

Scan scan(ByteView bytes, std::uint64_t start, std::size_t step) {
  Scan done;
  WalScanner scanner{Lsn{start}, kSegment, kPage,
                     [&](const WalEvent& event) { done.events.push_back(event); }};
  for (std::size_t at = 0; at < bytes.size() && done.outcome; at += step)
    done.outcome = scanner.feed(bytes.subspan(at, std::min(step, bytes.size() - at)));
  done.proved_until = scanner.proved_until();
  return done;
}

TEST(WalScanner, TellsCommitsAbortsAndRestorePointsWithTheirTimes) {
  Log log{kSegment};
  log.filler(100);
  log.transaction(0x80, 1'000'000);
  log.transaction(0x30, 2'000'000);
  log.filler(20'000);
  log.transaction(0x20, 3'000'000, 9'000);
  log.restore_point("before the upgrade", 4'000'000);
  log.transaction(0x10, 5'000'000);
  for (const std::size_t step : {1UL, 7UL, 8192UL, 1'000'000UL}) {
    const Scan done = scan(log.bytes(), kSegment, step);
    ASSERT_TRUE(done.outcome) << done.outcome.error().what;
    ASSERT_EQ(done.events.size(), 4U) << "a prepared transaction is not committed";
    EXPECT_EQ(done.events[0].kind, WalEvent::Kind::kCommit);
    EXPECT_EQ(done.events[0].time.nanoseconds, 946'684'801'000'000'000);
    EXPECT_EQ(done.events[0].xid, 7U);
    EXPECT_EQ(done.events[1].kind, WalEvent::Kind::kCommit);
    EXPECT_EQ(done.events[2].kind, WalEvent::Kind::kAbort);
    EXPECT_EQ(done.events[3].kind, WalEvent::Kind::kRestorePoint);
    EXPECT_EQ(done.events[3].name, "before the upgrade");
    EXPECT_GE(done.events[1].start, done.events[0].end);
    EXPECT_EQ(done.proved_until.value, log.end());
  }
}

TEST(WalScanner, ReadsRecordsThatReachOverPagesAndSegments) {
  Log log{0};
  log.filler(kSegment - 5000);
  log.transaction(0x00, 1, 30'000);
  log.transaction(0x00, 2);
  const Scan done = scan(log.bytes(), 0, 3000);
  ASSERT_TRUE(done.outcome) << done.outcome.error().what;
  EXPECT_EQ(done.events.size(), 2U);
}

TEST(WalScanner, BeginsInTheMiddleOfALog) {
  Log log{0};
  log.transaction(0x00, 1);
  log.filler(kSegment + 100'000);
  log.transaction(0x00, 2);
  const Scan done = scan(log.bytes().subspan(kSegment), kSegment, 4096);
  ASSERT_TRUE(done.outcome) << done.outcome.error().what;
  ASSERT_EQ(done.events.size(), 1U);
  EXPECT_EQ(done.proved_until.value, log.end());
}

TEST(WalScanner, PassesOverWhatFollowsASwitchOfSegments) {
  Log log{0};
  log.switch_segment();
  log.transaction(0x00, 1);
  const Scan done = scan(log.bytes(), 0, 5000);
  ASSERT_TRUE(done.outcome) << done.outcome.error().what;
  EXPECT_EQ(done.events.size(), 1U);
}

TEST(WalScanner, FollowsAServerThatCrashedInTheMiddleOfARecord) {
  Log log{0};
  log.transaction(0x00, 1);
  log.lost_record(3000);
  log.transaction(0x00, 2);
  const Scan done = scan(log.bytes(), 0, 1000);
  ASSERT_TRUE(done.outcome) << done.outcome.error().what;
  EXPECT_EQ(done.events.size(), 2U);
}

TEST(WalScanner, NamesThePlaceOfDamage) {
  Log log{0};
  log.transaction(0x00, 1);
  const std::uint64_t good = log.end();
  log.transaction(0x00, 2, 12'000);
  log.transaction(0x00, 3);
  for (const std::size_t at :
       {good + 12, good + 100, std::uint64_t{kPage + 8}, std::uint64_t{9'000}}) {
    Bytes bytes = copy_of(log.bytes());
    bytes[at] ^= std::byte{1};
    const Scan done = scan(bytes, 0, 777);
    ASSERT_FALSE(done.outcome) << at;
    EXPECT_EQ(done.outcome.error().kind, ErrorKind::kCorrupt);
    EXPECT_EQ(done.events.size(), 1U) << at;
    EXPECT_EQ(done.proved_until.value, good) << at;
  }
}

TEST(WalScanner, RefusesZerosWhereARecordShouldBe) {
  Log log{0};
  log.transaction(0x00, 1);
  const std::uint64_t good = log.end();
  log.zeros_to_segment_end();
  const Scan done = scan(log.bytes(), 0, 8192);
  EXPECT_FALSE(done.outcome);
  EXPECT_EQ(done.proved_until.value, good);
}

}  // namespace
}  // namespace reprieve
