#include "source/postgresql/wal_spool.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "io/directory.hpp"
#include "io/temporary_folder.hpp"

namespace reprieve {
namespace {

constexpr std::uint64_t kSegment = 1024 * 1024;

class Spool : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = io::TemporaryFolder::create();
    ASSERT_TRUE(folder);
    folder_.emplace(*std::move(folder));
    SeededRandom{1}.fill(log_);
  }
  WalSpool open() {
    auto spool = WalSpool::open(folder_->path("spool"), {1, kSegment});
    EXPECT_TRUE(spool) << spool.error().what;
    return *std::move(spool);
  }
  [[nodiscard]] ByteView log(std::uint64_t from, std::uint64_t size) const {
    return ByteView{log_}.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(size));
  }
  static Bytes read(const WalSpool& spool, std::uint64_t from, std::uint64_t size) {
    Bytes bytes(static_cast<std::size_t>(size));
    const auto done = spool.read(Lsn{from}, bytes);
    EXPECT_TRUE(done) << done.error().what;
    return bytes;
  }
  [[nodiscard]] std::size_t files() const { return io::list_dir(folder_->path("spool"))->size(); }

  std::optional<io::TemporaryFolder> folder_;
  Bytes log_ = Bytes(4 * kSegment);
};

TEST_F(Spool, GivesBackWhatWasWrittenAcrossSegmentsAndRestarts) {
  {
    WalSpool spool = open();
    EXPECT_FALSE(spool.held());
    for (std::uint64_t at = kSegment; at < 3 * kSegment + 500; at += 70'000)
      ASSERT_TRUE(spool.write(
          Lsn{at}, log(at, std::min<std::uint64_t>(70'000, 3 * kSegment + 500 - at)), Lsn{}));
    ASSERT_TRUE(spool.sync());
  }
  const WalSpool spool = open();
  ASSERT_TRUE(spool.held());
  EXPECT_EQ(*spool.held(), (LsnRange{{kSegment}, {3 * kSegment + 500}}));
  EXPECT_EQ(read(spool, kSegment + 5, 2 * kSegment), copy_of(log(kSegment + 5, 2 * kSegment)));
  EXPECT_EQ(files(), 3U);
}

TEST_F(Spool, TakesWhatItHasAlreadyOnceMore) {
  WalSpool spool = open();
  ASSERT_TRUE(spool.write(Lsn{0}, log(0, 5000), Lsn{}));
  ASSERT_TRUE(spool.write(Lsn{0}, log(0, 9000), Lsn{5000}));
  EXPECT_EQ(spool.held()->to.value, 9000U);
  EXPECT_EQ(read(spool, 0, 9000), copy_of(log(0, 9000)));
}

TEST_F(Spool, FollowsAServerThatLostWhatNobodyReliesOn) {
  WalSpool spool = open();
  ASSERT_TRUE(spool.write(Lsn{0}, log(0, kSegment + 9000), Lsn{}));
  const Bytes other(100, std::byte{7});
  ASSERT_TRUE(spool.write(Lsn{kSegment + 4000}, other, Lsn{kSegment + 4000}));
  EXPECT_EQ(spool.held()->to.value, kSegment + 4100) << "what stood behind it is another history's";
  EXPECT_EQ(read(spool, kSegment + 4000, 100), other);
  EXPECT_EQ(read(spool, 0, kSegment), copy_of(log(0, kSegment)));
}

TEST_F(Spool, RefusesAnotherHistoryOfWhatIsSettled) {
  WalSpool spool = open();
  ASSERT_TRUE(spool.write(Lsn{0}, log(0, 9000), Lsn{}));
  const auto refused = spool.write(Lsn{4000}, Bytes(100, std::byte{7}), Lsn{4001});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(read(spool, 0, 9000), copy_of(log(0, 9000)));
}

TEST_F(Spool, RefusesGapsAndABeginningInsideASegment) {
  WalSpool spool = open();
  EXPECT_EQ(spool.write(Lsn{100}, log(100, 10), Lsn{}).error().kind, ErrorKind::kInvalid);
  ASSERT_TRUE(spool.write(Lsn{kSegment}, log(kSegment, 10), Lsn{}));
  EXPECT_EQ(spool.write(Lsn{kSegment + 11}, log(0, 10), Lsn{}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(spool.write(Lsn{0}, log(0, 10), Lsn{}).error().kind, ErrorKind::kInvalid);
}

TEST_F(Spool, DropsWholeSegmentsButNeverTheLast) {
  WalSpool spool = open();
  ASSERT_TRUE(spool.write(Lsn{0}, log(0, 3 * kSegment), Lsn{}));
  ASSERT_TRUE(spool.drop_before(Lsn{kSegment + 5}));
  EXPECT_EQ(spool.held()->from.value, kSegment);
  ASSERT_TRUE(spool.drop_before(Lsn{3 * kSegment}));
  EXPECT_EQ(spool.held()->from.value, 2 * kSegment);
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(*open().held(), (LsnRange{{2 * kSegment}, {3 * kSegment}}));
}

TEST_F(Spool, SaysSoWhenASegmentIsMissing) {
  {
    WalSpool spool = open();
    ASSERT_TRUE(spool.write(Lsn{0}, log(0, 3 * kSegment), Lsn{}));
  }
  ASSERT_TRUE(io::remove_tree(folder_->path("spool/" + format_segment_name({1, 1}, kSegment))));
  const auto opened = WalSpool::open(folder_->path("spool"), {1, kSegment});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace reprieve
