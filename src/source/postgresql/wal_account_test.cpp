#include "source/postgresql/wal_account.hpp"

#include <gtest/gtest.h>

#include "source/postgresql/test_wal_log.hpp"

namespace reprieve {
namespace {

constexpr std::uint64_t kSegment = TestWalLog::kSegment;

Instant at(std::int64_t second) {
  return Instant{(946'684'800 + second) * 1'000'000'000};
}

/// A commit at second 1, one at 2 in the next segment, and one at 3.
struct TwoSegments {
  TestWalLog log{0};
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  TwoSegments() {
    log.transaction(0x00, 1'000'000);
    log.restore_point("here", 1'500'000);
    first = log.end();
    log.switch_segment();
    log.transaction(0x00, 2'000'000);
    second = log.end();
    log.transaction(0x00, 3'000'000);
  }
  [[nodiscard]] ByteView bytes(std::uint64_t from, std::uint64_t to) const {
    return log.bytes().subspan(from, to - from);
  }
};

TEST(WalAccountant, TellsOfEachStretchWhatEndsInIt) {
  const TwoSegments two;
  WalAccountant accountant{kSegment, TestWalLog::kPage};
  const WalAccount one = accountant.read(Lsn{0}, two.bytes(0, two.first));
  EXPECT_EQ(one.commits, 1U);
  EXPECT_EQ(one.last_commit, at(1));
  ASSERT_EQ(one.restore_points.size(), 1U);
  EXPECT_TRUE(one.is_proved);
  const WalAccount rest = accountant.read(Lsn{two.first}, two.bytes(two.first, two.log.end()));
  EXPECT_EQ(rest.commits, 2U);
  EXPECT_EQ(rest.first_commit, at(2));
  EXPECT_EQ(rest.last_commit, at(3));
  EXPECT_TRUE(rest.restore_points.empty());
  EXPECT_TRUE(rest.is_proved);
}

TEST(WalAccountant, ProvesNothingBeforeTheNextSegmentWhenAStretchDoesNotFollow) {
  const TwoSegments two;
  WalAccountant accountant{kSegment, TestWalLog::kPage};
  accountant.read(Lsn{0}, two.bytes(0, 8));
  const WalAccount account = accountant.read(Lsn{two.first}, two.bytes(two.first, two.log.end()));
  EXPECT_FALSE(account.is_proved);
  EXPECT_EQ(account.commits, 2U) << "those of the next segment are found";
}

TEST(WalAccountant, SaysWhatIsDamagedAndGoesOnWithTheNextSegment) {
  const TwoSegments two;
  Bytes damaged = copy_of(two.bytes(0, two.second));
  damaged[100] ^= std::byte{1};
  WalAccountant accountant{kSegment, TestWalLog::kPage};
  const WalAccount account = accountant.read(Lsn{0}, damaged);
  EXPECT_FALSE(account.is_proved);
  EXPECT_NE(account.doubt, "");
  EXPECT_EQ(account.last_commit, at(2));
  EXPECT_TRUE(accountant.read(Lsn{two.second}, two.bytes(two.second, two.log.end())).is_proved);
}

WalEvent event(WalEvent::Kind kind, std::int64_t second) {
  WalEvent event;
  event.kind = kind;
  event.time = at(second);
  return event;
}

TEST(WalAccount, OfTwoStretchesIsThatOfBoth) {
  WalAccount account;
  account.add(event(WalEvent::Kind::kCommit, 5));
  WalAccount next;
  next.add(event(WalEvent::Kind::kCommit, 4));
  next.add(event(WalEvent::Kind::kRestorePoint, 6));
  next.is_proved = false;
  account.add(next);
  EXPECT_EQ(account.commits, 2U);
  EXPECT_EQ(account.first_commit, at(4));
  EXPECT_EQ(account.last_commit, at(5));
  EXPECT_EQ(account.restore_points.size(), 1U);
  EXPECT_FALSE(account.is_proved);
  account.add(WalAccount{});
  EXPECT_EQ(account.last_commit, at(5));
}

}  // namespace
}  // namespace reprieve
