#include <fcntl.h>

#include "io/directory.hpp"
#include "io/file.hpp"
#include "tests/postgres/backup_fixture.hpp"

/// What must not work, and what it says.
namespace reprieve::test {
namespace {

using ::testing::HasSubstr;

class Refusal : public PostgresTest {
 protected:
  /// A server that asks for passwords, with a role for each case.
  void start_strict(std::unique_ptr<Cluster>& cluster) {
    ASSERT_NO_FATAL_FAILURE(start(cluster, "primary"));
    REPRIEVE_ASSERT_OK(cluster->sql("CREATE ROLE backup LOGIN REPLICATION PASSWORD 'right'"));
    REPRIEVE_ASSERT_OK(cluster->sql("CREATE ROLE plain LOGIN PASSWORD 'right'"));
    REPRIEVE_ASSERT_OK(cluster->sql("CREATE ROLE unlisted LOGIN REPLICATION PASSWORD 'right'"));
    const auto hba = io::open_file(cluster->data_directory() + "/pg_hba.conf", O_WRONLY | O_TRUNC);
    REPRIEVE_ASSERT_OK(hba);
    REPRIEVE_ASSERT_OK(
        io::write_all(*hba, as_bytes("local all postgres trust\n"
                                     "local replication postgres trust\n"
                                     "host all backup 127.0.0.1/32 md5\n"
                                     "host replication backup,plain 127.0.0.1/32 md5\n")));
    REPRIEVE_ASSERT_OK(cluster->sql("SELECT pg_reload_conf()"));
  }
  Result<std::vector<Entry>> back_up_as(const std::string& uri, const std::string& password) {
    PostgresSourceOptions options;
    options.address.uri = uri;
    options.address.password = Password{password};
    PostgresSource source{std::move(options), system_clock(), system_random()};
    return source.capture(snapshot_);
  }
};

TEST_P(Refusal, SaysWhyALoginFails) {
  std::unique_ptr<Cluster> cluster;
  ASSERT_NO_FATAL_FAILURE(start_strict(cluster));

  const auto wrong = back_up_as(cluster->tcp_uri("backup"), "wrong");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(wrong.error().hint, HasSubstr("password"));

  const auto plain = back_up_as(cluster->tcp_uri("plain"), "right");
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(plain.error().hint, HasSubstr("ALTER ROLE \"plain\" REPLICATION"));

  const auto unlisted = back_up_as(cluster->tcp_uri("unlisted"), "right");
  ASSERT_FALSE(unlisted);
  EXPECT_EQ(unlisted.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(unlisted.error().hint, HasSubstr("host replication unlisted 127.0.0.1/32"));

  EXPECT_TRUE(back_up_as(cluster->tcp_uri("backup"), "right"));
}

TEST_P(Refusal, SaysThatNobodyListens) {
  const auto port = free_port();
  REPRIEVE_ASSERT_OK(port);
  const auto refused = back_up("postgres://backup@127.0.0.1:" + std::to_string(*port) + "/x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(refused.error().hint, HasSubstr("host and port"));
}

TEST_P(Refusal, NamesTheSettingThatIsMissing) {
  std::unique_ptr<Cluster> cluster;
  ASSERT_NO_FATAL_FAILURE(start(cluster, "primary", {{}, "max_replication_slots = 0\n"}));
  const auto no_slots = back_up(cluster->uri());
  ASSERT_FALSE(no_slots);
  EXPECT_EQ(no_slots.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(no_slots.error().hint, HasSubstr("max_replication_slots"));

  REPRIEVE_ASSERT_OK(cluster->stop());
  REPRIEVE_ASSERT_OK(cluster->start("-c max_replication_slots=1"));
  REPRIEVE_ASSERT_OK(cluster->sql("SELECT pg_create_physical_replication_slot('taken')"));
  const auto all_taken = back_up(cluster->uri());
  ASSERT_FALSE(all_taken);
  EXPECT_EQ(all_taken.error().kind, ErrorKind::kExhausted);

  REPRIEVE_ASSERT_OK(cluster->sql("SELECT pg_drop_replication_slot('taken')"));
  REPRIEVE_ASSERT_OK(cluster->stop());
  REPRIEVE_ASSERT_OK(cluster->start("-c max_wal_senders=0 -c wal_level=minimal"));
  const auto no_senders = back_up(cluster->uri());
  ASSERT_FALSE(no_senders);
  EXPECT_EQ(no_senders.error().kind, ErrorKind::kInvalid);
}

TEST_P(Refusal, LeavesTargetsThatAreInUseAlone) {
  std::unique_ptr<Cluster> cluster;
  ASSERT_NO_FATAL_FAILURE(start(cluster, "primary"));
  REPRIEVE_ASSERT_OK(cluster->sql("CREATE TABLE t AS SELECT 1 AS i"));
  const auto roots = back_up(cluster->uri());
  REPRIEVE_ASSERT_OK(roots);
  auto options = into("primary");
  options.is_replacing = true;

  const auto running = restore_cluster(snapshot_, *roots, options);
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(running.error().what, HasSubstr("running"));
  EXPECT_EQ(*cluster->sql("SELECT count(*) FROM t"), "1");

  REPRIEVE_ASSERT_OK(cluster->stop());
  options.is_replacing = false;
  const auto unasked = restore_cluster(snapshot_, *roots, options);
  ASSERT_FALSE(unasked);
  EXPECT_EQ(unasked.error().kind, ErrorKind::kConflict);

  auto other = Cluster::create(*programs_, folder_->path(), "other", {});
  REPRIEVE_ASSERT_OK(other);
  auto onto_other = into("other");
  onto_other.is_replacing = true;
  const auto foreign = restore_cluster(snapshot_, *roots, onto_other);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(foreign.error().what, HasSubstr("another cluster"));

  options.is_replacing = true;
  REPRIEVE_ASSERT_OK(restore_cluster(snapshot_, *roots, options));
  std::unique_ptr<Cluster> restored;
  ASSERT_NO_FATAL_FAILURE(start_restored(restored, "primary"));
  EXPECT_EQ(*restored->sql("SELECT count(*) FROM t"), "1");
}

TEST_P(Refusal, LeavesNothingThatStartsWhenItIsInterrupted) {
  std::unique_ptr<Cluster> cluster;
  ASSERT_NO_FATAL_FAILURE(start(cluster, "primary"));
  const auto roots = back_up(cluster->uri());
  REPRIEVE_ASSERT_OK(roots);
  const auto segments = snapshot_.find(*roots, "wal");
  REPRIEVE_ASSERT_OK(segments);
  const auto wal = snapshot_.read_directory(*segments->directory);
  REPRIEVE_ASSERT_OK(wal);
  snapshot_.lose(wal->at(0).content);

  const auto failed = restore_cluster(snapshot_, *roots, into("restored"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(io::exists(folder_->path("restored") + "/global/pg_control"));

  snapshot_.heal();
  REPRIEVE_ASSERT_OK(restore_cluster(snapshot_, *roots, into("restored")));
  std::unique_ptr<Cluster> restored;
  ASSERT_NO_FATAL_FAILURE(start_restored(restored, "restored"));
}

TEST_P(Refusal, StopsWhenTheUserAsks) {
  std::unique_ptr<Cluster> cluster;
  ASSERT_NO_FATAL_FAILURE(start(cluster, "primary"));
  snapshot_.token().request();
  const auto stopped = back_up(cluster->uri());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);
}

INSTANTIATE_TEST_SUITE_P(PostgreSql13, Refusal, ::testing::Values(13));
INSTANTIATE_TEST_SUITE_P(PostgreSql15, Refusal, ::testing::Values(15));
INSTANTIATE_TEST_SUITE_P(PostgreSql17, Refusal, ::testing::Values(17));

}  // namespace
}  // namespace reprieve::test
