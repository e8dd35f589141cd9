#include <fcntl.h>

#include <atomic>
#include <thread>

#include "io/directory.hpp"
#include "io/file.hpp"
#include "source/postgresql/staged_wal.hpp"
#include "tests/postgres/backup_fixture.hpp"

/// Every test here backs a real server up, restores it and starts what came out.
namespace reprieve::test {
namespace {

using ::testing::IsEmpty;

constexpr const char* kFrozenSum =
    "SELECT count(*) || ' ' || md5(string_agg(i || v, ',' ORDER BY i)) FROM frozen";

/// Commits row after row, each with the next number, until it is told to stop.
class Writer {
 public:
  explicit Writer(const Cluster& cluster) : cluster_{cluster} {
    thread_ = std::thread{[this] { run(); }};
  }
  ~Writer() { stop(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// The last number that was committed.
  [[nodiscard]] int committed() const { return committed_.load(); }
  void stop() {
    is_stopping_.store(true);
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    CancelToken cancel;
    PostgresAddress address;
    address.uri = cluster_.uri();
    auto session = Connection::open(address, Connection::Mode::kQuery, system_clock(), cancel);
    if (!session) return;
    for (int i = 1; !is_stopping_.load(); ++i) {
      const std::string number = std::to_string(i);
      if (!session->query("INSERT INTO running VALUES (" + number + ", repeat('x', 500))")) return;
      if (i % 100 == 0)
        ignore_error(session->query("UPDATE running SET v = 'y' WHERE i % 7 = 0"), "load");
      committed_.store(i);
    }
  }
  const Cluster& cluster_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<int> committed_{0};
  std::thread thread_;
};

class RoundTrip : public PostgresTest {};

void make_tables(const Cluster& cluster, const std::string& tablespace) {
  REPRIEVE_ASSERT_OK(run_as_server({"/bin/mkdir", tablespace}));
  REPRIEVE_ASSERT_OK(cluster.sql("CREATE TABLESPACE aside LOCATION '" + tablespace + "'"));
  REPRIEVE_ASSERT_OK(
      cluster.sql("CREATE TABLE frozen (i int PRIMARY KEY, v text) TABLESPACE aside;"
                  "INSERT INTO frozen SELECT g, repeat(md5(g::text), 10) "
                  "FROM generate_series(1, 20000) g;"
                  "CREATE TABLE running (i int PRIMARY KEY, v text);"
                  "CREATE UNLOGGED TABLE lost (i int);"
                  "INSERT INTO lost VALUES (1);"));
}

/// What pg_verifybackup and amcheck of this version say.
void check_restored(const Cluster& cluster) {
  REPRIEVE_ASSERT_OK(cluster.sql("CREATE EXTENSION amcheck"));
  REPRIEVE_ASSERT_OK(cluster.sql(
      "SELECT bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam "
      "WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p'"));
}

TEST_P(RoundTrip, BringsARunningClusterBack) {
  std::unique_ptr<Cluster> cluster;
  ASSERT_NO_FATAL_FAILURE(start(cluster, "primary", {{"-k", "--wal-segsize=1"}, ""}));
  ASSERT_NO_FATAL_FAILURE(make_tables(*cluster, folder_->path("space")));
  const auto frozen = cluster->sql(kFrozenSum);
  REPRIEVE_ASSERT_OK(frozen);
  Writer writer{*cluster};
  while (writer.committed() < 200)
    std::this_thread::yield();
  const int before = writer.committed();

  const auto roots = back_up(cluster->uri());

  REPRIEVE_ASSERT_OK(roots);
  writer.stop();
  EXPECT_THAT(snapshot_.problems(), IsEmpty());
  REPRIEVE_ASSERT_OK(cluster->stop());
  auto options = into("restored");
  options.tablespaces[facts_->tablespaces.at(0).oid] = folder_->path("new space");
  const auto summary = restore_cluster(snapshot_, *roots, options);
  REPRIEVE_ASSERT_OK(summary);
  EXPECT_GT(summary->wal_segments, 0U);
  EXPECT_FALSE(summary->is_suspect);

  std::unique_ptr<Cluster> restored;
  ASSERT_NO_FATAL_FAILURE(start_restored(restored, "restored"));
  EXPECT_EQ(*restored->sql(kFrozenSum), *frozen);
  EXPECT_EQ(*restored->sql("SELECT count(*) = max(i) FROM running"), "t") << "a row is missing";
  EXPECT_GE(std::stoi(*restored->sql("SELECT max(i) FROM running")), before);
  EXPECT_EQ(*restored->sql("SELECT count(*) FROM lost"), "0") << "unlogged tables come back empty";
  EXPECT_EQ(*restored->sql("SELECT spcname FROM pg_tablespace WHERE "
                           "pg_tablespace_location(oid) = '" +
                           folder_->path("new space") + "'"),
            "aside");
  EXPECT_FALSE(io::exists(options.data_directory + "/" + std::string{kStagedWalFolder}));
  EXPECT_FALSE(io::exists(options.data_directory + "/recovery.signal"));
  check_restored(*restored);
}

TEST_P(RoundTrip, PassesTheServersOwnVerification) {
  std::unique_ptr<Cluster> cluster;
  ASSERT_NO_FATAL_FAILURE(start(cluster, "primary"));
  ASSERT_NO_FATAL_FAILURE(make_tables(*cluster, folder_->path("space")));
  const auto roots = back_up(cluster->uri());
  REPRIEVE_ASSERT_OK(roots);
  REPRIEVE_ASSERT_OK(cluster->stop());
  REPRIEVE_ASSERT_OK(run_as_server({"/bin/mv", folder_->path("space"), folder_->path("old")}));

  REPRIEVE_ASSERT_OK(restore_cluster(snapshot_, *roots, into("restored")));

  // The backup's WAL lies beside, and settings of this recovery are added; all else is as it was.
  const auto verified = run_as_server({*programs_ + "/pg_verifybackup", "-n", "-i",
                                       std::string{kStagedWalFolder}, folder_->path("restored")});
  REPRIEVE_ASSERT_OK(verified);
  std::unique_ptr<Cluster> restored;
  ASSERT_NO_FATAL_FAILURE(start_restored(restored, "restored"));
  EXPECT_EQ(*restored->sql("SELECT count(*) FROM frozen"), "20000");
}

TEST_P(RoundTrip, FollowsAClusterOntoItsNextTimeline) {
  std::unique_ptr<Cluster> first;
  ASSERT_NO_FATAL_FAILURE(start(first, "first"));
  REPRIEVE_ASSERT_OK(first->sql("CREATE TABLE t AS SELECT 1 AS i"));
  auto roots = back_up(first->uri());
  REPRIEVE_ASSERT_OK(roots);
  REPRIEVE_ASSERT_OK(restore_cluster(snapshot_, *roots, into("second")));
  std::unique_ptr<Cluster> second;
  ASSERT_NO_FATAL_FAILURE(start_restored(second, "second"));
  REPRIEVE_ASSERT_OK(second->sql("INSERT INTO t VALUES (2)"));

  roots = back_up(second->uri());
  REPRIEVE_ASSERT_OK(roots);
  EXPECT_EQ(facts_->timeline, 2U);
  EXPECT_TRUE(snapshot_.find(*roots, "wal/00000002.history"));
  REPRIEVE_ASSERT_OK(restore_cluster(snapshot_, *roots, into("third")));

  std::unique_ptr<Cluster> third;
  ASSERT_NO_FATAL_FAILURE(start_restored(third, "third"));
  EXPECT_EQ(*third->sql("SELECT sum(i) FROM t"), "3");
}

TEST_P(RoundTrip, StopsAtATarget) {
  std::unique_ptr<Cluster> cluster;
  ASSERT_NO_FATAL_FAILURE(start(cluster, "primary"));
  REPRIEVE_ASSERT_OK(cluster->sql("CREATE TABLE t AS SELECT 1 AS i"));
  const auto roots = back_up(cluster->uri());
  REPRIEVE_ASSERT_OK(roots);
  auto options = into("restored");
  options.target = RecoveryTarget{};
  options.purpose = ClusterPurpose::kDrill;

  REPRIEVE_ASSERT_OK(restore_cluster(snapshot_, *roots, options));

  std::unique_ptr<Cluster> restored;
  ASSERT_NO_FATAL_FAILURE(start_restored(restored, "restored"));
  EXPECT_EQ(*restored->sql("SELECT sum(i) FROM t"), "1");
  EXPECT_EQ(*restored->sql("SHOW archive_mode"), "off");
}

TEST_P(RoundTrip, KeepsABackupWithABadPageButMarksIt) {
  std::unique_ptr<Cluster> cluster;
  ASSERT_NO_FATAL_FAILURE(start(cluster, "primary", {{"-k"}, "autovacuum = off\n"}));
  REPRIEVE_ASSERT_OK(
      cluster->sql("CREATE TABLE t AS SELECT g FROM generate_series(1, 9999) g;"
                   "CHECKPOINT"));
  const auto path = cluster->sql("SELECT pg_relation_filepath('t')");
  REPRIEVE_ASSERT_OK(path);
  {
    const auto file = io::open_file(cluster->data_directory() + "/" + *path, O_WRONLY);
    REPRIEVE_ASSERT_OK(file);
    REPRIEVE_ASSERT_OK(io::pwrite_all(*file, as_bytes("damage"), {8192 + 4000}));
  }

  const auto roots = back_up(cluster->uri());

  REPRIEVE_ASSERT_OK(roots);
  EXPECT_TRUE(facts_->is_suspect);
  ASSERT_FALSE(snapshot_.problems().empty());
  EXPECT_THAT(snapshot_.problems()[0].path, ::testing::HasSubstr(*path));
  const auto summary = restore_cluster(snapshot_, *roots, into("restored"));
  REPRIEVE_ASSERT_OK(summary);
  EXPECT_TRUE(summary->is_suspect);
  std::unique_ptr<Cluster> restored;
  ASSERT_NO_FATAL_FAILURE(start_restored(restored, "restored"));
  EXPECT_FALSE(restored->sql("SELECT count(*) FROM t")) << "the damage is still found";
}

TEST_P(RoundTrip, TakesAClusterWhoseConfigurationLiesElsewhere) {
  auto created =
      Cluster::create(*programs_, folder_->path(), "primary", {{"-k"}, "max_connections = 42\n"});
  REPRIEVE_ASSERT_OK(created);
  const std::string data = created->data_directory();
  const std::string etc = folder_->path("etc");
  REPRIEVE_ASSERT_OK(run_as_server({"/bin/mkdir", etc}));
  REPRIEVE_ASSERT_OK(run_as_server(
      {"/bin/mv", data + "/pg_hba.conf", data + "/pg_ident.conf", data + "/postgresql.conf", etc}));
  const auto added = io::open_file(etc + "/postgresql.conf", O_WRONLY | O_APPEND);
  REPRIEVE_ASSERT_OK(added);
  REPRIEVE_ASSERT_OK(
      io::write_all(*added, as_bytes("data_directory = '" + data + "'\nhba_file = '" + etc +
                                     "/pg_hba.conf'\nident_file = '" + etc + "/pg_ident.conf'\n")));
  Cluster cluster = *std::move(created);
  REPRIEVE_ASSERT_OK(cluster.start("-c config_file=" + etc + "/postgresql.conf"));
  const auto roots = back_up(cluster.uri());
  REPRIEVE_ASSERT_OK(roots);
  REPRIEVE_ASSERT_OK(cluster.stop());

  const auto summary = restore_cluster(snapshot_, *roots, into("restored"));

  REPRIEVE_ASSERT_OK(summary);
  EXPECT_THAT(summary->notes, ::testing::Contains(::testing::HasSubstr("postgresql.conf")));
  std::unique_ptr<Cluster> restored;
  ASSERT_NO_FATAL_FAILURE(start_restored(restored, "restored"));
  EXPECT_EQ(*restored->sql("SHOW max_connections"), "42");
  EXPECT_EQ(*restored->sql("SHOW data_directory"), folder_->path("restored"));
}

TEST_P(RoundTrip, TakesItsBackupFromAStandby) {
  std::unique_ptr<Cluster> primary;
  ASSERT_NO_FATAL_FAILURE(start(primary, "primary"));
  auto roots = back_up(primary->uri());
  REPRIEVE_ASSERT_OK(roots);
  REPRIEVE_ASSERT_OK(restore_cluster(snapshot_, *roots, into("standby")));
  const std::string data = folder_->path("standby");
  REPRIEVE_ASSERT_OK(
      run_as_server({"/bin/mv", data + "/recovery.signal", data + "/standby.signal"}));
  Cluster standby = Cluster::adopt(*programs_, folder_->path(), data);
  REPRIEVE_ASSERT_OK(standby.start("-c \"primary_conninfo=" + primary->uri() + "\""));
  REPRIEVE_ASSERT_OK(primary->sql("CREATE TABLE t AS SELECT 7 AS i"));
  REPRIEVE_ASSERT_OK(standby.await("SELECT to_regclass('t') IS NOT NULL", "t"));

  roots = back_up(standby.uri());

  REPRIEVE_ASSERT_OK(roots);
  REPRIEVE_ASSERT_OK(restore_cluster(snapshot_, *roots, into("restored")));
  std::unique_ptr<Cluster> restored;
  ASSERT_NO_FATAL_FAILURE(start_restored(restored, "restored"));
  EXPECT_EQ(*restored->sql("SELECT i FROM t"), "7");
}

INSTANTIATE_TEST_SUITE_P(PostgreSql13, RoundTrip, ::testing::Values(13));
INSTANTIATE_TEST_SUITE_P(PostgreSql15, RoundTrip, ::testing::Values(15));
INSTANTIATE_TEST_SUITE_P(PostgreSql17, RoundTrip, ::testing::Values(17));

}  // namespace
}  // namespace reprieve::test
