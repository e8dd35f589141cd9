#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "io/durable_file.hpp"
#include "source/postgresql/cluster_restore.hpp"
#include "source/postgresql/memory_snapshot.hpp"
#include "source/postgresql/postgres_source.hpp"
#include "tests/postgres/cluster.hpp"

namespace reprieve::test {

#define REPRIEVE_ASSERT_OK(expression)                                                        \
  do {                                                                                        \
    const auto& reprieve_ok = (expression);                                                   \
    ASSERT_TRUE(reprieve_ok) << reprieve_ok.error().what << "\n" << reprieve_ok.error().hint; \
  } while (false)

/// A folder for one test, and backups and restores between a server and memory. The parameter is
/// the server's major version.
class PostgresTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    programs_ = programs_of(GetParam());
    if (!programs_) GTEST_SKIP() << "PostgreSQL " << GetParam() << " is not available here";
    auto folder = shared_folder();
    ASSERT_TRUE(folder) << folder.error().what;
    folder_ = std::make_unique<io::TemporaryFolder>(*std::move(folder));
    copy_staged_wal();
  }

  /// A started server named `name`.
  void start(std::unique_ptr<Cluster>& cluster, const std::string& name,
             const Cluster::Options& options = {}) {
    auto created = Cluster::create(*programs_, folder_->path(), name, options);
    ASSERT_TRUE(created) << created.error().what;
    cluster = std::make_unique<Cluster>(*std::move(created));
    REPRIEVE_ASSERT_OK(cluster->start());
  }

  Result<std::vector<Entry>> back_up(const std::string& uri) {
    PostgresSourceOptions options;
    options.address.uri = uri;
    PostgresSource source{std::move(options), system_clock(), system_random()};
    auto roots = source.capture(snapshot_);
    facts_ = source.facts();
    return roots;
  }

  ClusterRestoreOptions into(const std::string& name) const {
    ClusterRestoreOptions options;
    options.data_directory = folder_->path(name);
    options.program = folder_->path("re prieve's 100%");
    return options;
  }

  /// Starts what was restored and waits until it takes writes.
  void start_restored(std::unique_ptr<Cluster>& cluster, const std::string& name) {
    cluster =
        std::make_unique<Cluster>(Cluster::adopt(*programs_, folder_->path(), folder_->path(name)));
    REPRIEVE_ASSERT_OK(cluster->start());
    REPRIEVE_ASSERT_OK(cluster->await_writable());
  }

  std::optional<std::string> programs_;
  std::unique_ptr<io::TemporaryFolder> folder_;
  MemorySnapshot snapshot_;
  std::optional<ClusterFacts> facts_;

 private:
  /// The server's user may not be able to enter the build folder; and odd characters in the path of
  /// restore_command are to be met by every restore here.
  void copy_staged_wal() {
    const std::string copy = folder_->path("re prieve's 100%");
    const auto bytes = io::read_file(REPRIEVE_STAGED_WAL, {1ULL << 30});
    ASSERT_TRUE(bytes) << bytes.error().what;
    ASSERT_TRUE(io::write_file_durably(copy, *bytes, 0755));
  }
};

}  // namespace reprieve::test
