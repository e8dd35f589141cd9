#include "source/postgresql/internal/cluster_target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "io/temporary_folder.hpp"

namespace reprieve {
namespace {

using ::testing::HasSubstr;

constexpr const char* kOurs = "1234567890";

class ClusterTarget : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = io::TemporaryFolder::create();
    ASSERT_TRUE(folder);
    folder_.emplace(*std::move(folder));
    path_ = folder_->path("data");
  }
  void put(const std::string& name, std::string_view text) {
    ASSERT_TRUE(io::create_directories_durably(io::parent_of(path_ + "/" + name)));
    ASSERT_TRUE(io::write_file_durably(path_ + "/" + name, as_bytes(text)));
  }
  void put_control(std::uint64_t identifier) {
    std::string text(8192, '\0');
    std::memcpy(text.data(), &identifier, sizeof identifier);
    put("global/pg_control", text);
  }
  std::optional<io::TemporaryFolder> folder_;
  std::string path_;
};

TEST_F(ClusterTarget, TakesANewOrAnEmptyDirectory) {
  EXPECT_EQ(inspect_target(path_, kOurs, PresentCluster::kRefuse)->state, TargetState::kAbsent);
  ASSERT_TRUE(io::create_directories_durably(path_ + "/lost+found"));
  EXPECT_EQ(inspect_target(path_, kOurs, PresentCluster::kRefuse)->state, TargetState::kEmpty);
}

TEST_F(ClusterTarget, NeverTouchesWhatIsNoCluster) {
  put("letters/to mother", "dear");
  for (const auto present :
       {PresentCluster::kRefuse, PresentCluster::kReplace, PresentCluster::kDelta}) {
    const auto target = inspect_target(path_, kOurs, present);
    ASSERT_FALSE(target);
    EXPECT_EQ(target.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(target.error().what, HasSubstr("no PostgreSQL cluster"));
  }
}

TEST_F(ClusterTarget, ReplacesItsOwnClusterOnlyWhenTold) {
  put_control(1234567890);
  EXPECT_FALSE(inspect_target(path_, kOurs, PresentCluster::kRefuse));
  const auto target = inspect_target(path_, kOurs, PresentCluster::kReplace);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->state, TargetState::kReplaceable);
  EXPECT_FALSE(inspect_target(path_, "42", PresentCluster::kReplace)) << "another cluster's";
}

TEST_F(ClusterTarget, TellsAStaleLockFromARunningServer) {
  put_control(1234567890);
  // Process 1 lives but works elsewhere, as after a reboot that reused the number.
  put("postmaster.pid", "1\n/old/place\n1700000000\n5432\n\n\n\n");
  EXPECT_TRUE(inspect_target(path_, kOurs, PresentCluster::kReplace));
  const auto lock = parse_postmaster_lock("-77\n/data\n1\n5432\n/run\n");
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock->pid, 77);
  EXPECT_EQ(lock->port, "5432");
  EXPECT_EQ(lock->socket_directory, "/run");
  EXPECT_FALSE(parse_postmaster_lock(""));
  EXPECT_FALSE(parse_postmaster_lock("x\n"));
  EXPECT_FALSE(parse_postmaster_lock("0\n"));
}

TEST_F(ClusterTarget, KnowsAnInterruptedRestoreAgain) {
  const RestoreMarker marker{kOurs, {"/srv/\xff space"}, false, {}};
  ASSERT_TRUE(claim_target(path_, TargetState::kAbsent, marker));
  put("base/1", "half");
  const auto target = inspect_target(path_, kOurs, PresentCluster::kRefuse);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->state, TargetState::kUnfinished);
  EXPECT_EQ(target->own_tablespaces, (std::vector<std::string>{"/srv/\xff space"}));
  ASSERT_TRUE(claim_target(path_, target->state, marker));
  EXPECT_FALSE(io::exists(path_ + "/base"));
  put_control(1);
  EXPECT_FALSE(inspect_target(path_, kOurs, PresentCluster::kRefuse))
      << "with pg_control it may have been used";
}

TEST_F(ClusterTarget, LeavesAnInterruptedDeltaToOneThatGoesOn) {
  put_control(1234567890);
  put("base/1", "precious");
  ASSERT_TRUE(claim_for_delta(path_, {kOurs, {"/srv/space"}, true, "before-restore.2"}));
  EXPECT_FALSE(io::exists(path_ + "/global/pg_control"));
  EXPECT_TRUE(io::exists(path_ + "/base/1"));

  const auto plain = inspect_target(path_, kOurs, PresentCluster::kRefuse);
  ASSERT_FALSE(plain) << "it would have been emptied";
  EXPECT_THAT(plain.error().hint, HasSubstr("--delta"));
  for (const auto present : {PresentCluster::kReplace, PresentCluster::kDelta}) {
    const auto target = inspect_target(path_, kOurs, present);
    ASSERT_TRUE(target);
    EXPECT_EQ(target->state, TargetState::kUnfinished);
    EXPECT_EQ(target->old_wal, "before-restore.2");
    EXPECT_EQ(target->own_tablespaces, std::vector<std::string>{"/srv/space"});
    EXPECT_THAT(inspect_target(path_, "42", present).error().what, HasSubstr("another cluster"));
  }
}

TEST_F(ClusterTarget, GoesOnByDeltaWhereAFullRestoreOfTheSameClusterStopped) {
  ASSERT_TRUE(claim_target(path_, TargetState::kAbsent, {kOurs, {}, false, {}}));
  put("base/1", "half");
  const auto ours = inspect_target(path_, kOurs, PresentCluster::kDelta);
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->state, TargetState::kUnfinished);
  EXPECT_FALSE(inspect_target(path_, "42", PresentCluster::kDelta)) << "whose data it is counts";
  EXPECT_TRUE(inspect_target(path_, "42", PresentCluster::kRefuse)) << "it is emptied";
}

TEST(RestoreMarker, ReadsNothingOutOfNonsense) {
  for (const char* text :
       {"", "[]", "{\"tablespaces\": 7}", "{\"delta\": true}", "{\"delta\": 1"}) {
    const RestoreMarker marker = parse_marker(text);
    EXPECT_TRUE(marker.system_identifier.empty() && marker.tablespaces.empty()) << text;
    EXPECT_FALSE(marker.is_delta) << text;
  }
}

TEST_F(ClusterTarget, EmptiesATablespaceOnlyIfItIsTheClustersOwn) {
  put("PG_15_202209061/1", "x");
  put("PG_14_202107181/1", "an older cluster");
  EXPECT_FALSE(inspect_tablespace(path_, "PG_15_202209061", {}));
  EXPECT_TRUE(inspect_tablespace(path_, "PG_15_202209061", {path_}));
  put("else", "x");
  EXPECT_FALSE(inspect_tablespace(path_, "PG_15_202209061", {path_}));
  EXPECT_TRUE(inspect_tablespace(folder_->path("absent"), "PG_15_202209061", {}));
}

}  // namespace
}  // namespace reprieve
