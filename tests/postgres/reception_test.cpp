#include <csignal>

#include "io/durable_file.hpp"
#include "source/postgresql/wal_receiver.hpp"
#include "tests/postgres/backup_fixture.hpp"

/// A server's log, streamed into memory.
namespace reprieve::test {
namespace {

/// Takes a log up to a position, and then cancels its reception.
class LogInMemory : public WalTaker {
 public:
  LogInMemory(Lsn wanted, CancelToken& cancel) : wanted_{wanted}, cancel_{cancel} {}

  Result<Lsn> begin(const WalOrigin& origin, Lsn kept_from, bool) override {
    origin_ = origin;
    start_ = segment_floor(kept_from, origin.segment_size);
    return start_;
  }
  Result<> write(Lsn at, ByteView bytes) override {
    EXPECT_EQ(at, end());
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    if (end() >= wanted_ && !std::exchange(is_over_, true)) at_end_ ? at_end_() : cancel_.request();
    return kOk;
  }
  Result<Lsn> sync() override {
    synced_ = end();
    return std::max(held_before_, end());
  }
  void heard(Lsn, Instant) override {}

  [[nodiscard]] Lsn end() const { return {start_.value + bytes_.size()}; }
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  [[nodiscard]] SegmentName first_segment() const {
    return {origin_.timeline, segment_of(start_, origin_.segment_size)};
  }
  [[nodiscard]] const WalOrigin& origin() const { return origin_; }
  [[nodiscard]] Lsn synced() const { return synced_; }
  /// What happens once all that is wanted was written, instead of a cancellation.
  void then(std::function<void()> happens) { at_end_ = std::move(happens); }
  /// What an earlier receiver left.
  void hold_until(Lsn lsn) { held_before_ = lsn; }

 private:
  const Lsn wanted_;
  CancelToken& cancel_;
  WalOrigin origin_;
  Lsn start_;
  Lsn held_before_;
  Lsn synced_;
  bool is_over_ = false;
  std::function<void()> at_end_;
  Bytes bytes_;
};

class Reception : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    start(cluster_, "primary");
    REPRIEVE_ASSERT_OK(cluster_->sql("SELECT pg_create_physical_replication_slot('r', true)"));
  }
  /// Writes so much log that it is received in several turns, within one segment.
  Lsn write_log() {
    const auto end = cluster_->sql(
        "SELECT pg_switch_wal();"
        "CREATE TABLE t AS SELECT repeat(md5(i::text), 30) FROM generate_series(1, 9000) AS i;"
        "SELECT pg_current_wal_flush_lsn()");
    EXPECT_TRUE(end);
    return end ? *parse_lsn(*end) : Lsn{};
  }
  Result<> receive(LogInMemory& log, const CancelToken& cancel) {
    WalReceiverOptions options;
    options.address.uri = cluster_->uri();
    options.source = "db";
    options.slot = "r";
    return receive_wal(options, log, system_clock(), cancel);
  }
  /// At once, so that it sends no more: the line is cut when this returns.
  void kill_sender() {
    const auto pid = cluster_->sql("SELECT pid FROM pg_stat_replication");
    ASSERT_TRUE(pid);
    const auto number = static_cast<pid_t>(std::stol(*pid));
    ASSERT_EQ(::kill(number, SIGKILL), 0);
    for (int i = 0; i < 600 && ::kill(number, 0) == 0; ++i)
      system_clock().sleep_for(std::chrono::milliseconds{50});
  }
  void expect_same_as_the_server(const LogInMemory& log) {
    const std::string name = format_segment_name(log.first_segment(), log.origin().segment_size);
    const auto there =
        io::read_file(cluster_->data_directory() + "/pg_wal/" + name, ByteCount{1 << 30});
    REPRIEVE_ASSERT_OK(there);
    const auto length = std::min(there->size(), log.bytes().size());
    EXPECT_TRUE(std::ranges::equal(ByteView{*there}.first(length), log.bytes().first(length)));
  }
  std::unique_ptr<Cluster> cluster_;
};

TEST_P(Reception, GivesTheServersLogFromTheSlotsSegmentOn) {
  const Lsn wanted = write_log();
  CancelToken cancel;
  LogInMemory log{wanted, cancel};
  EXPECT_EQ(receive(log, cancel).error().kind, ErrorKind::kCancelled);
  EXPECT_GE(log.end(), wanted);
  EXPECT_EQ(log.origin().source, "db");
  EXPECT_EQ(log.origin().timeline, 1U);
  expect_same_as_the_server(log);
}

TEST_P(Reception, GoesOnThroughWhatAnEarlierReceiverHoldsAlready) {
  const Lsn wanted = write_log();
  CancelToken cancel;
  LogInMemory log{wanted, cancel};
  log.hold_until(wanted);
  EXPECT_EQ(receive(log, cancel).error().kind, ErrorKind::kCancelled);
  EXPECT_GE(log.end(), wanted);
}

TEST_P(Reception, MakesDurableWhatCameBeforeTheLineWasCut) {
  const Lsn wanted = write_log();
  const CancelToken cancel;
  CancelToken unused;
  LogInMemory log{wanted, unused};
  log.then([&] { kill_sender(); });
  EXPECT_EQ(receive(log, cancel).error().kind, ErrorKind::kTransient);
  EXPECT_GE(log.end(), wanted);
  EXPECT_EQ(log.synced(), log.end());
}

INSTANTIATE_TEST_SUITE_P(PostgreSql13, Reception, ::testing::Values(13));
INSTANTIATE_TEST_SUITE_P(PostgreSql15, Reception, ::testing::Values(15));
INSTANTIATE_TEST_SUITE_P(PostgreSql17, Reception, ::testing::Values(17));

}  // namespace
}  // namespace reprieve::test
