#include "source/postgresql/wal_scanner.hpp"

#include <gtest/gtest.h>

#include <bit>

#include "base/codec.hpp"

namespace reprieve {
namespace {

constexpr std::uint32_t kPage = 8192;
constexpr std::uint64_t kSegment = 1024 * 1024;

/// CRC-32C by its definition (RFC 3720, appendix B.4), bit by bit.
std::uint32_t plain_crc32c(ByteView bytes) {
  std::uint32_t crc = UINT32_MAX;
  for (const std::byte b : bytes) {
    crc ^= std::to_integer<std::uint32_t>(b);
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

/// Writes a log as a server does, from the start of a segment on.
class Log {
 public:
  explicit Log(std::uint64_t start) : start_{start} {}

  void record(std::uint8_t manager, std::uint8_t info, ByteView data, std::uint32_t xid = 7) {
    Encoder head;
    head.u32(static_cast<std::uint32_t>(24 + data.size()));
    head.u32(xid);
    head.u64(0);
    head.u8(info);
    head.u8(manager);
    head.u16(0);
    Encoder checked;
    checked.raw(data);
    checked.raw(head.view());
    head.u32(plain_crc32c(checked.view()));
    head.raw(data);
    pad();
    append(head.view());
  }
  /// A commit or abort with its time, behind an origin and a top-level transaction.
  void transaction(std::uint8_t info, std::int64_t us, std::size_t more = 0) {
    Encoder data;
    data.u8(253);
    data.u16(1);
    data.u8(252);
    data.u32(3);
    data.u8(254);
    data.u32(static_cast<std::uint32_t>(8 + more));
    data.i64(us);
    data.raw(Bytes(more, std::byte{0xEE}));
    record(1, info, data.view());
  }
  void restore_point(std::string_view name, std::int64_t us) {
    Encoder data;
    data.u8(255);
    data.u8(72);
    data.i64(us);
    data.raw(as_bytes(name));
    data.raw(Bytes(64 - name.size(), std::byte{0}));
    record(0, 0x70, data.view());
  }
  void filler(std::size_t size) { record(10, 0, Bytes(size, std::byte{0x55})); }
  /// The server crashes in the middle of a record, and goes on at the next page.
  void lost_record(std::size_t written) {
    Encoder head;
    head.u32(1'000'000);
    head.raw(Bytes(written, std::byte{1}));
    pad();
    append(head.view());
    while (bytes_.size() % kPage != 0)
      bytes_.push_back(std::byte{0});
    overwrites_ = true;
  }
  void zeros_to_segment_end() {
    while (bytes_.size() % kSegment != 0)
      bytes_.push_back(std::byte{0});
  }
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t end() const { return start_ + bytes_.size(); }

 private:
  void pad() {
    while (bytes_.size() % 8 != 0)
      bytes_.push_back(std::byte{0});
  }
  void append(ByteView record) {
    std::size_t left = record.size();
    for (const std::byte b : record) {
      if (bytes_.size() % kPage == 0) page_header(left == record.size() ? 0 : left);
      bytes_.push_back(b);
      --left;
    }
  }
  void page_header(std::size_t remaining) {
    const bool is_long = bytes_.size() % kSegment == 0;
    Encoder header;
    header.u16(0xD110);
    header.u16(static_cast<std::uint16_t>((remaining > 0 ? 1 : 0) | (is_long ? 2 : 0) |
                                          (std::exchange(overwrites_, false) ? 8 : 0)));
    header.u32(1);
    header.u64(start_ + bytes_.size());
    header.u32(static_cast<std::uint32_t>(remaining));
    header.u32(0);
    if (is_long) header.raw(Bytes(16, std::byte{0}));
    bytes_.insert(bytes_.end(), header.view().begin(), header.view().end());
  }
  std::uint64_t start_;
  Bytes bytes_;
  bool overwrites_ = false;
};

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
  log.record(0, 0x40, {});
  log.zeros_to_segment_end();
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
