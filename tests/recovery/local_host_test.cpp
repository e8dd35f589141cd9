#include "recovery/local_host.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "io/durable_file.hpp"
#include "recovery/internal/proc.hpp"
#include "recovery/shim.hpp"

/// Real children of this machine: this program is their shim, too (see main).
namespace reprieve::recovery {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using State = ChildView::State;

class LocalHostTest : public ::testing::Test {
 protected:
  LocalHostTest() {
    const char* const base = std::getenv("TMPDIR");
    dir_ = std::string{base == nullptr ? "/tmp" : base} + "/reprieve-host-XXXXXX";
    if (::mkdtemp(dir_.data()) == nullptr) std::abort();
    host_.emplace(
        dir_ + "/state",
        std::vector<std::string>{std::filesystem::read_symlink("/proc/self/exe").string(), "shim"},
        system_clock());
  }
  ~LocalHostTest() override { std::filesystem::remove_all(dir_); }

  HostCommand shell(const std::string& script) {
    HostCommand command;
    command.argv = {"/bin/sh", "-c", script};
    return command;
  }

  /// Signals a child, once it is executed.
  void signal(const ChildKey& key, int number) {
    for (int i = 0; i < 1000; ++i) {
      if (host_->signal_child(key, number)) return;
      system_clock().sleep_for(std::chrono::milliseconds{10});
    }
    ADD_FAILURE() << "the child is never executed";
  }

  /// Looks until the child is in `state`, at most ten seconds.
  ChildView wait_for(const ChildKey& key, State state) {
    ChildView view;
    for (int i = 0; i < 1000; ++i) {
      auto looked = host_->look(key);
      if (!looked) ADD_FAILURE() << looked.error().what;
      if (looked) view = *looked;
      if (view.state == state) return view;
      system_clock().sleep_for(std::chrono::milliseconds{10});
    }
    ADD_FAILURE() << "the child never came there";
    return view;
  }

  std::string dir_;
  std::optional<LocalHost> host_;
};

TEST_F(LocalHostTest, AChildLeavesItsOutputAndItsExitCode) {
  const ChildKey key{"runs/r1/steps/a.1.0.1"};
  ASSERT_TRUE(host_->start(key, shell("echo out; echo err >&2; exit 7")));

  const ChildView view = wait_for(key, State::kExited);

  EXPECT_EQ(view.exit_code, 7);
  EXPECT_EQ(view.output_bytes, 8U);
  EXPECT_EQ(*host_->output_head(key, OutputStream::kStandard, 100), "out\n");
  EXPECT_EQ(*host_->output_tail(key, OutputStream::kError, 3), "rr\n");
  EXPECT_TRUE(view.began && view.ended);
}

TEST_F(LocalHostTest, AProgramThatIsNotThereIsToldAsSuch) {
  HostCommand command;
  command.argv = {"/no/such/program"};
  ASSERT_TRUE(host_->start({"k"}, command));

  EXPECT_THAT(wait_for({"k"}, State::kExited).exec_error, HasSubstr("/no/such/program"));
}

TEST_F(LocalHostTest, AChildWhoseLogCannotBeOpenedIsToldAsSuch) {
  HostCommand command = shell("true");
  command.log = dir_ + "/no/such/folder/log";
  ASSERT_TRUE(host_->start({"k"}, command));

  EXPECT_THAT(wait_for({"k"}, State::kExited).exec_error, HasSubstr("/no/such/folder"));
}

TEST_F(LocalHostTest, AKeyIsStartedOnlyOnce) {
  ASSERT_TRUE(host_->start({"k"}, shell("true")));
  const auto again = host_->start({"k"}, shell("true"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
}

TEST_F(LocalHostTest, AChildThatHasNotBegunCanBeAbandonedForEver) {
  ASSERT_TRUE(host_->abandon({"k"}));

  EXPECT_FALSE(host_->start({"k"}, shell("true")));
  // A shim that comes late finds the mark and does nothing.
  const std::string folder = dir_ + "/state/k";
  std::vector<std::string> words = {"program", "shim",    "--dir", folder,
                                    "--",      "/bin/sh", "-c",    "touch " + dir_ + "/ran"};
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  EXPECT_EQ(shim_main(static_cast<int>(argv.size()), argv.data()), 0);
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/ran"));
  EXPECT_EQ(host_->look({"k"})->state, State::kAbsent);
}

TEST_F(LocalHostTest, AChildThatHasBegunCannotBeAbandoned) {
  ASSERT_TRUE(host_->start({"k"}, shell("sleep 5")));
  wait_for({"k"}, State::kRunning);

  const auto abandoned = host_->abandon({"k"});

  ASSERT_FALSE(abandoned);
  EXPECT_EQ(abandoned.error().kind, ErrorKind::kConflict);
  signal({"k"}, SIGKILL);
  EXPECT_EQ(wait_for({"k"}, State::kExited).signal, SIGKILL);
}

TEST_F(LocalHostTest, ASignalReachesAllThatTheChildStarted) {
  ASSERT_TRUE(host_->start({"k"}, shell("sleep 30 & sleep 30 & wait")));
  wait_for({"k"}, State::kRunning);
  signal({"k"}, SIGTERM);
  wait_for({"k"}, State::kExited);

  // The lock is inherited, so it is free only once the last of them is gone.
  const ChildFolder folder{dir_ + "/state/k"};
  bool is_free = false;
  for (int i = 0; i < 500 && !is_free; ++i) {
    is_free = folder.try_lock_alone()->state == ChildFolder::Lock::kTaken;
    system_clock().sleep_for(std::chrono::milliseconds{10});
  }
  EXPECT_TRUE(is_free);
}

TEST_F(LocalHostTest, AChildOutlivesItsShimAndIsLostOnlyOnceItIsGone) {
  ASSERT_TRUE(host_->start({"k"}, shell("sleep 0.5")));
  wait_for({"k"}, State::kRunning);
  const ChildFolder folder{dir_ + "/state/k"};
  std::optional<io::ProcessIdentity> child;
  for (int i = 0; i < 500 && !child; ++i) {
    child = folder.child();
    system_clock().sleep_for(std::chrono::milliseconds{10});
  }
  ASSERT_TRUE(child);
  const auto begun = io::read_text_file(folder.path("begun"), ByteCount{4096});
  const auto json = parse_json(*begun);
  const auto shim = io::ProcessIdentity::parse((*json)["shim"].get<std::string>());
  ASSERT_TRUE(shim->signal(SIGKILL));

  EXPECT_EQ(host_->look({"k"})->state, State::kRunning);
  wait_for({"k"}, State::kLost);
}

TEST_F(LocalHostTest, AServiceIsFoundByTheChildrenThatWereStartedForIt) {
  ASSERT_TRUE(host_->start({"services/db/one"}, shell("exec sleep 20")));
  wait_for({"services/db/one"}, State::kRunning);
  std::optional<ProcessName> found;
  for (int i = 0; i < 500 && !found; ++i) {
    found = *host_->find_process({.children_below = "services/db", .pid_file = {}, .argv = {}});
    system_clock().sleep_for(std::chrono::milliseconds{10});
  }
  ASSERT_TRUE(found);
  EXPECT_TRUE(*host_->is_alive(*found));

  ASSERT_TRUE(host_->signal_process(*found, SIGTERM));
  wait_for({"services/db/one"}, State::kExited);
  EXPECT_FALSE(*host_->find_process({.children_below = "services/db", .pid_file = {}, .argv = {}}));
}

TEST_F(LocalHostTest, AServiceIsFoundByItsCommandLineButItsShimIsNot) {
  HostCommand command;
  command.argv = {"/bin/sleep", "21." + std::to_string(::getpid())};
  ASSERT_TRUE(host_->start({"k"}, command));
  wait_for({"k"}, State::kRunning);
  std::optional<ProcessName> found;
  for (int i = 0; i < 500 && !found; ++i) {
    found = *host_->find_process({.children_below = {}, .pid_file = {}, .argv = command.argv});
    system_clock().sleep_for(std::chrono::milliseconds{10});
  }
  ASSERT_TRUE(found);
  ASSERT_TRUE(host_->signal_process(*found, SIGKILL));
  EXPECT_EQ(wait_for({"k"}, State::kExited).signal, SIGKILL);
}

TEST_F(LocalHostTest, APidFileThatIsOlderThanItsProcessIsNotBelieved) {
  const std::string path = dir_ + "/pid";
  std::ofstream{path} << ::getpid() << "\n";
  EXPECT_TRUE(process_of_pid_file(path));

  const std::array<timespec, 2> long_ago = {
      {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), long_ago.data(), 0), 0);
  EXPECT_FALSE(process_of_pid_file(path));
}

TEST_F(LocalHostTest, PathsAreSwappedAndMovedAndKeepTheirIdentity) {
  for (const char* const name : {"a", "b"}) {
    std::filesystem::create_directory(dir_ + "/" + name);
    std::ofstream{dir_ + "/" + name + "/is"} << name;
  }
  const std::string identity = host_->look_at_path(dir_ + "/a")->identity;

  ASSERT_TRUE(host_->exchange(dir_ + "/a", dir_ + "/b"));
  EXPECT_EQ(host_->look_at_path(dir_ + "/b")->identity, identity);
  const auto taken = host_->move_to_free_name(dir_ + "/a", dir_ + "/b");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(host_->move_to_free_name(dir_ + "/a", dir_ + "/c"));
  EXPECT_EQ(host_->look_at_path(dir_ + "/a")->kind, PathView::Kind::kAbsent);
}

TEST_F(LocalHostTest, SaysWhoUsesAFolder) {
  std::filesystem::create_directory(dir_ + "/busy");
  HostCommand command = shell("exec sleep 20");
  command.cwd = dir_ + "/busy";
  ASSERT_TRUE(host_->start({"k"}, command));
  std::vector<std::string> users;
  for (int i = 0; i < 500 && users.empty(); ++i) {
    users = *host_->users_of(dir_ + "/busy");
    system_clock().sleep_for(std::chrono::milliseconds{10});
  }
  EXPECT_THAT(users, Not(IsEmpty()));
  signal({"k"}, SIGKILL);
}

TEST_F(LocalHostTest, KnowsAMountPoint) {
  EXPECT_TRUE(host_->look_at_path("/proc")->is_mount_point);
  EXPECT_FALSE(host_->look_at_path(dir_)->is_mount_point);
  EXPECT_TRUE(names_mount_point("36 35 98:0 / /mnt/a\\040b rw - ext4 /dev/x rw", "/mnt/a b"));
  EXPECT_FALSE(names_mount_point("36 35", "/mnt"));
}

TEST_F(LocalHostTest, AKeyFromADamagedJournalLeadsNowhere) {
  for (const char* const bad : {"", "../x", "a/../../x", "/etc", "a//b", "a b"})
    EXPECT_EQ(host_->look({bad}).error().kind, ErrorKind::kInvalid) << bad;
}

TEST_F(LocalHostTest, AShortCommandIsCutOffInTime) {
  EXPECT_EQ(host_->run_short(shell("exit 3"), std::chrono::seconds{10})->exit_code, 3);
  EXPECT_EQ(host_->run_short(shell("sleep 30"), std::chrono::milliseconds{100})->exit_code, 124);
}

}  // namespace
}  // namespace reprieve::recovery

int main(int argc, char** argv) {
  if (argc > 1 && std::string{argv[1]} == "shim") return reprieve::recovery::shim_main(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
