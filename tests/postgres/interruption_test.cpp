#include <atomic>

#include "tests/postgres/backup_fixture.hpp"

/// Backups that are stopped in the middle: what they answer, and what they leave on the server.
namespace reprieve::test {
namespace {

using ::testing::HasSubstr;

/// Passes everything on, and does something once, when the given content comes.
class DisturbedSink : public CaptureSink {
 public:
  using Disturbance = std::function<Result<>()>;
  DisturbedSink(CaptureSink& sink, int contents_before, Disturbance disturbance)
      : sink_{sink}, left_{contents_before}, disturbance_{std::move(disturbance)} {}

  Result<Content> put_content(ByteReader& reader, Chunking chunking) override {
    if (left_.fetch_sub(1) == 0) REPRIEVE_RETURN_IF_ERROR(disturbance_());
    return sink_.put_content(reader, chunking);
  }
  Result<ListRef> put_directory(std::vector<Entry> entries) override {
    return sink_.put_directory(std::move(entries));
  }
  bool has(const Content& content) override { return sink_.has(content); }
  bool has(const ListRef& stored) override { return sink_.has(stored); }
  void report(Problem problem) override { sink_.report(std::move(problem)); }
  Progress& progress() override { return sink_.progress(); }
  const CancelToken& cancel() override { return sink_.cancel(); }

 private:
  CaptureSink& sink_;
  std::atomic<int> left_;
  Disturbance disturbance_;
};

class Interruption : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) start(cluster_, "primary");
  }
  Result<std::vector<Entry>> back_up_disturbed(DisturbedSink::Disturbance disturbance) {
    PostgresSourceOptions options;
    options.address.uri = cluster_->uri();
    options.max_rate_kib = 4096;  // So slow that most is still to come when the disturbance does.
    PostgresSource source{std::move(options), system_clock(), system_random()};
    DisturbedSink sink{snapshot_, 5, std::move(disturbance)};
    return source.capture(sink);
  }
  /// Servers notice a closed connection when they next write to it.
  void expect_nothing_left() {
    std::string left = "?";
    for (int i = 0; i < 600 && left != "0"; ++i) {
      left = *cluster_->sql("SELECT count(*) FROM pg_replication_slots");
      if (left != "0") system_clock().sleep_for(std::chrono::milliseconds{50});
    }
    EXPECT_EQ(left, "0") << "a slot that nobody uses makes the server keep WAL for ever";
  }
  std::unique_ptr<Cluster> cluster_;
};

TEST_P(Interruption, EndsWhenTheUserStopsIt) {
  const auto stopped = back_up_disturbed([this]() -> Result<> {
    snapshot_.token().request();
    return kOk;
  });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);
  EXPECT_THAT(stopped.error().what, HasSubstr("user"));
  expect_nothing_left();
}

TEST_P(Interruption, PassesTheRepositorysErrorOn) {
  const auto failed = back_up_disturbed([]() -> Result<> {
    return Error{ErrorKind::kExhausted, "the repository's disk is full"};
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kExhausted);
  EXPECT_THAT(failed.error().what, HasSubstr("disk is full"));
  expect_nothing_left();
}

TEST_P(Interruption, MayBeTriedAgainWhenTheServerEndsTheSession) {
  const auto failed = back_up_disturbed([this]() -> Result<> {
    REPRIEVE_RETURN_IF_ERROR(
        cluster_->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication"));
    return kOk;
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kTransient) << failed.error().what;
  expect_nothing_left();
  const auto again = back_up(cluster_->uri());
  REPRIEVE_ASSERT_OK(again);
  REPRIEVE_ASSERT_OK(cluster_->stop());
  REPRIEVE_ASSERT_OK(restore_cluster(snapshot_, *again, into("restored")));
  std::unique_ptr<Cluster> restored;
  ASSERT_NO_FATAL_FAILURE(start_restored(restored, "restored"));
}

INSTANTIATE_TEST_SUITE_P(PostgreSql13, Interruption, ::testing::Values(13));
INSTANTIATE_TEST_SUITE_P(PostgreSql15, Interruption, ::testing::Values(15));
INSTANTIATE_TEST_SUITE_P(PostgreSql17, Interruption, ::testing::Values(17));

}  // namespace
}  // namespace reprieve::test
