#include "io/directory.hpp"
#include "io/file.hpp"
#include "tests/postgres/backup_fixture.hpp"

/// Clusters that went on after a backup, and go back to it by a delta.
namespace reprieve::test {
namespace {

constexpr const char* kBigSum =
    "SELECT count(*) || ' ' || md5(string_agg(i || v, ',' ORDER BY i)) FROM big";
constexpr const char* kAsideSum =
    "SELECT count(*) || ' ' || md5(string_agg(i || v, ',' ORDER BY i)) FROM aside";

/// Stops being read from after a number of calls, as if the restore had been killed there.
class DyingReader : public RestoreReader {
 public:
  DyingReader(RestoreReader& reader, int calls) : reader_{reader}, calls_{calls} {}
  Result<std::vector<Entry>> read_directory(const ListRef& directory) override {
    if (--calls_ < 0) return dead();
    return reader_.read_directory(directory);
  }
  Result<std::vector<ChunkRef>> chunks_of(const Content& content) override {
    if (--calls_ < 0) return dead();
    return reader_.chunks_of(content);
  }
  bool is_chunk(const ChunkId& id, ByteView plaintext) override {
    return reader_.is_chunk(id, plaintext);
  }
  Result<> fetch(std::span<const Request> requests, const Deliver& deliver,
                 const Missing& missing) override {
    // In the midst of a batch: half of it is written.
    if (--calls_ < 0) {
      REPRIEVE_RETURN_IF_ERROR(
          reader_.fetch(requests.first(requests.size() / 2), deliver, missing));
      return dead();
    }
    return reader_.fetch(requests, deliver, missing);
  }
  void report(Problem problem) override { reader_.report(std::move(problem)); }
  Progress& progress() override { return reader_.progress(); }
  const CancelToken& cancel() override { return reader_.cancel(); }

 private:
  static Error dead() { return Error{ErrorKind::kTransient, "killed"}; }
  RestoreReader& reader_;
  int calls_;
};

class Delta : public PostgresTest {
 protected:
  /// A cluster with a tablespace, backed up, gone on, and stopped.
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // What vacuum would write behind the backup's back is no part of what is measured.
    ASSERT_NO_FATAL_FAILURE(start(cluster_, "primary", {{"-k"}, "autovacuum = off\n"}));
    REPRIEVE_ASSERT_OK(run_as_server({"/bin/mkdir", folder_->path("space")}));
    REPRIEVE_ASSERT_OK(
        cluster_->sql("CREATE TABLESPACE space LOCATION '" + folder_->path("space") + "'"));
    REPRIEVE_ASSERT_OK(
        cluster_->sql("CREATE TABLE big (i int PRIMARY KEY, v text);"
                      "INSERT INTO big SELECT g, repeat(md5(g::text), 20) "
                      "FROM generate_series(1, 20000) g;"
                      "CREATE TABLE aside (i int PRIMARY KEY, v text) TABLESPACE space;"
                      "INSERT INTO aside SELECT g, md5(g::text) FROM generate_series(1, 9000) g;"
                      "CREATE TABLE dropped AS SELECT 7 AS i"));
    REPRIEVE_ASSERT_OK(cluster_->sql("VACUUM FREEZE"));
    for (const char* query : {kBigSum, kAsideSum}) {
      const auto sum = cluster_->sql(query);
      REPRIEVE_ASSERT_OK(sum);
      sums_.push_back(*sum);
    }
    auto roots = back_up(cluster_->uri());
    REPRIEVE_ASSERT_OK(roots);
    roots_ = *std::move(roots);
    go_on();
    options_ = into("primary");
    options_.is_delta = true;
  }

  void go_on() {
    REPRIEVE_ASSERT_OK(
        cluster_->sql("UPDATE big SET v = 'wrong' WHERE i % 5000 = 0;"
                      "DELETE FROM aside WHERE i < 100;"
                      "DROP TABLE dropped;"
                      "CREATE TABLE extra AS SELECT g FROM generate_series(1, 50000) g"));
    REPRIEVE_ASSERT_OK(cluster_->sql("CREATE DATABASE another"));
    const auto path = cluster_->sql("SELECT pg_relation_filepath('extra')");
    REPRIEVE_ASSERT_OK(path);
    extra_ = cluster_->data_directory() + "/" + *path;
    REPRIEVE_ASSERT_OK(cluster_->stop());
  }

  void check_refusals() {
    REPRIEVE_ASSERT_OK(cluster_->start());
    const auto running = restore_cluster(snapshot_, roots_, options_);
    ASSERT_FALSE(running);
    EXPECT_EQ(running.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(running.error().what, ::testing::HasSubstr("running"));
    EXPECT_EQ(*cluster_->sql("SELECT count(*) FROM extra"), "50000");
    REPRIEVE_ASSERT_OK(cluster_->stop());
    auto other = Cluster::create(*programs_, folder_->path(), "other", {});
    REPRIEVE_ASSERT_OK(other);
    auto onto_other = into("other");
    onto_other.is_delta = true;
    const auto foreign = restore_cluster(snapshot_, roots_, onto_other);
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(foreign.error().what, ::testing::HasSubstr("another cluster"));
    REPRIEVE_ASSERT_OK(other->start());
  }

  /// Starts the restored cluster and compares every row.
  void check_restored() {
    std::unique_ptr<Cluster> restored;
    ASSERT_NO_FATAL_FAILURE(start_restored(restored, "primary"));
    EXPECT_EQ(*restored->sql(kBigSum), sums_[0]);
    EXPECT_EQ(*restored->sql(kAsideSum), sums_[1]);
    EXPECT_EQ(*restored->sql("SELECT i FROM dropped"), "7");
    EXPECT_EQ(*restored->sql("SELECT to_regclass('extra') IS NULL"), "t");
    EXPECT_EQ(*restored->sql("SELECT count(*) FROM pg_database WHERE datname = 'another'"), "0");
    REPRIEVE_ASSERT_OK(restored->sql("CREATE EXTENSION amcheck"));
    REPRIEVE_ASSERT_OK(restored->sql(
        "SELECT bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam "
        "WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p'"));
    // Kept log, links and all: what a server, and its next backup, can live with.
    REPRIEVE_ASSERT_OK(back_up(restored->uri()));
    REPRIEVE_ASSERT_OK(restored->stop());
  }

  std::unique_ptr<Cluster> cluster_;
  std::vector<std::string> sums_;
  std::vector<Entry> roots_;
  std::string extra_;
  ClusterRestoreOptions options_;
};

TEST_P(Delta, BringsAClusterBackByWritingLittleAndRefusesOthers) {
  ASSERT_TRUE(io::exists(extra_));
  ASSERT_NO_FATAL_FAILURE(check_refusals());

  const auto summary = restore_cluster(snapshot_, roots_, options_);

  REPRIEVE_ASSERT_OK(summary);
  // The staged log of the point is written in any case.
  const std::uint64_t log = summary->wal_segments * facts_->wal_segment_size;
  EXPECT_LT(summary->bytes_written - log, (summary->bytes - log) / 4);
  EXPECT_GT(summary->files_unchanged, summary->files / 2);
  EXPECT_GT(summary->deleted, 1U);
  EXPECT_FALSE(io::exists(extra_));
  EXPECT_GT(summary->old_wal.files, 0U);
  EXPECT_TRUE(io::exists(summary->old_wal.folder));
  const auto verified = run_as_server({*programs_ + "/pg_verifybackup", "-n", "-i", "reprieve_wal",
                                       "-i", "pg_wal/before-restore", folder_->path("primary")});
  REPRIEVE_ASSERT_OK(verified);
  check_restored();
}

TEST_P(Delta, IsTakenUpWhereItWasKilledWithATablespaceOnItsWayElsewhere) {
  options_.tablespaces[facts_->tablespaces.at(0).oid] = folder_->path("new space");
  std::optional<ClusterRestoreSummary> done;
  int killed = 0;
  for (int calls = 20; !done; calls += calls / 2 + 7) {
    ASSERT_LT(calls, 100'000);
    DyingReader dying{snapshot_, calls};
    if (auto summary = restore_cluster(dying, roots_, options_); summary) {
      done = *std::move(summary);
      break;
    }
    ++killed;
    ASSERT_FALSE(io::exists(folder_->path("primary") + "/global/pg_control"))
        << "it could be started after call " << calls;
    Cluster half = Cluster::adopt(*programs_, folder_->path(), folder_->path("primary"));
    EXPECT_FALSE(half.start());
  }
  EXPECT_GT(killed, 3);
  EXPECT_GT(done->old_wal.files, 0U) << "also what the first run had put aside";
  EXPECT_THAT(done->notes, ::testing::Contains(::testing::HasSubstr(folder_->path("space") + ":")));
  check_restored();
}

INSTANTIATE_TEST_SUITE_P(PostgreSql13, Delta, ::testing::Values(13));
INSTANTIATE_TEST_SUITE_P(PostgreSql15, Delta, ::testing::Values(15));
INSTANTIATE_TEST_SUITE_P(PostgreSql17, Delta, ::testing::Values(17));

}  // namespace
}  // namespace reprieve::test
