#include "io/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <csignal>
#include <fstream>
#include <thread>

#include "io/temporary_folder.hpp"
#include "io/user.hpp"

namespace reprieve::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Command shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script}};
}

Completed run_ok(const Command& command, const RunOptions& options = {}) {
  auto completed = run(command, options, system_clock());
  EXPECT_TRUE(completed) << completed.error().what;
  return completed ? *std::move(completed) : Completed{};
}

TEST(Run, GivesBackOutputAndExitCode) {
  const Completed completed = run_ok(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(completed.out, "out\n");
  EXPECT_EQ(completed.err, "err\n");
  EXPECT_EQ(completed.status.code, 3);
  EXPECT_FALSE(completed.is_success());
  EXPECT_EQ(completed.text(), "exit code 3");
  EXPECT_TRUE(run_ok({.argv = {"true"}}).is_success());
}

TEST(Run, PassesArgumentsAsTheyAre) {
  const Completed completed =
      run_ok({.argv = {"printf", "%s|", "a b", "$HOME", "`id`", "", "*", "'\""}});
  EXPECT_EQ(completed.out, "a b|$HOME|`id`||*|'\"|");
}

TEST(Run, FeedsItsInput) {
  const std::string input(500'000, 'i');  // More than a pipe holds.
  const Completed completed = run_ok({.argv = {"wc", "-c"}}, {.input = as_bytes(input)});
  EXPECT_EQ(completed.out, "500000\n");
}

TEST(Run, GivesAnEmptyInputByDefault) {
  EXPECT_EQ(run_ok({.argv = {"wc", "-c"}}).out, "0\n");
}

TEST(Run, OutlivesAProgramThatDoesNotReadItsInput) {
  const std::string input(500'000, 'i');
  EXPECT_TRUE(run_ok({.argv = {"true"}}, {.input = as_bytes(input)}).is_success());
}

TEST(Run, KeepsOutputUpToItsLimit) {
  const Completed completed = run_ok(shell("head -c 300000 /dev/zero"), {.output_bytes_max = 1000});
  EXPECT_EQ(completed.out.size(), 1000U);
  EXPECT_TRUE(completed.is_truncated);
  EXPECT_TRUE(completed.is_success()) << "the program itself is not disturbed";
}

TEST(Run, GivesTheWholeOutputWithinTheLimit) {
  const Completed completed = run_ok(shell("head -c 300000 /dev/zero"));
  EXPECT_EQ(completed.out.size(), 300'000U);
  EXPECT_FALSE(completed.is_truncated);
}

TEST(Run, WritesOutputToAFileIfAskedTo) {
  const auto folder = *TemporaryFolder::create();
  const auto file = *open_file(folder.path("log"), O_WRONLY | O_CREAT);
  run_ok(shell("echo out; echo err >&2"), {.output_fd = file.fd()});
  EXPECT_EQ(*read_text_file(folder.path("log"), ByteCount{100}), "out\nerr\n");
}

TEST(Run, NamesAProgramThatDoesNotExist) {
  for (const std::string program : {"no-such-program", "/no/such/program", "./no-such-program"}) {
    const auto completed = run({.argv = {program}}, system_clock());
    ASSERT_FALSE(completed);
    EXPECT_EQ(completed.error().kind, ErrorKind::kNotFound);
    EXPECT_NE(completed.error().what.find(program), std::string::npos);
  }
}

TEST(Run, RefusesWhatIsNoProgram) {
  const auto folder = *TemporaryFolder::create();
  std::ofstream{folder.path("text")} << "just text";
  EXPECT_EQ(run({.argv = {folder.path("text")}}, system_clock()).error().kind, ErrorKind::kDenied);
  ASSERT_EQ(::chmod(folder.path("text").c_str(), 0755), 0);
  EXPECT_EQ(run({.argv = {folder.path("text")}}, system_clock()).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(run(Command{}, system_clock()).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(run({.argv = {"echo", std::string("a\0b", 3)}}, system_clock()).error().kind,
            ErrorKind::kInvalid);
}

TEST(Run, UsesTheEnvironmentAndFolderGiven) {
  const auto folder = *TemporaryFolder::create();
  Command command = shell("echo $WHO; pwd; env | wc -l");
  command.environment = {"WHO=me", "PATH=/usr/bin:/bin"};
  command.folder = folder.path();
  const Completed completed = run_ok(command);
  EXPECT_TRUE(completed.out.starts_with("me\n" + folder.path() + "\n")) << completed.out;

  command.folder = folder.path("absent");
  const auto refused = run(command, system_clock());
  EXPECT_EQ(refused.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(refused.error().what.find("absent"), std::string::npos);
}

TEST(Run, FindsProgramsOnlyInThePathGiven) {
  Command command{.argv = {"true"}};
  command.environment = {"PATH=/no/such/folder"};
  EXPECT_EQ(run(command, system_clock()).error().kind, ErrorKind::kNotFound);
  command.environment = {"PATH=:/no/such/folder:"};
  EXPECT_EQ(run(command, system_clock()).error().kind, ErrorKind::kNotFound);
}

TEST(Run, StopsWhatTakesTooLong) {
  const Completed completed = run_ok({.argv = {"sleep", "100"}}, {.timeout = milliseconds{20}});
  EXPECT_EQ(completed.ending, Ending::kTimedOut);
  EXPECT_EQ(completed.status.signal, SIGTERM);
  EXPECT_FALSE(completed.is_success());
  EXPECT_NE(completed.text().find("too long"), std::string::npos);
}

/// Runs a script and cancels it once it has written a line to `$READY`; returns that line too.
std::pair<Completed, std::string> cancel_when_ready(const std::string& script, Duration grace) {
  const auto folder = *TemporaryFolder::create();
  const std::string ready = folder.path("ready");
  CancelToken cancel;
  std::string line;
  std::thread watcher{[&] {
    while (!line.ends_with('\n')) {
      if (const auto text = read_text_file(ready, ByteCount{1000})) line = *text;
    }
    cancel.request();
  }};
  Completed completed =
      run_ok(shell("READY='" + ready + "'; " + script), {.grace = grace, .cancel = &cancel});
  watcher.join();
  return {std::move(completed), line};
}

TEST(Run, StopsAllThatTheProgramStarted) {
  const auto [completed, line] =
      cancel_when_ready("sleep 100 & echo $! >$READY; wait", seconds{60});
  EXPECT_EQ(completed.ending, Ending::kCancelled);
  EXPECT_EQ(completed.status.signal, SIGTERM) << "the grace was not used up";
  const auto left = identity_of(std::stoi(line));
  EXPECT_TRUE(!left || !left->is_alive());
}

TEST(Run, KillsWhatDoesNotListen) {
  const auto [completed, line] = cancel_when_ready(
      "trap '' TERM; echo trapped >$READY; while :; do sleep 0.01; done", milliseconds{20});
  EXPECT_EQ(completed.status.signal, SIGKILL);
}

TEST(Run, StopsAtTheUsersWish) {
  CancelToken cancel;
  cancel.request();
  const Completed completed = run_ok({.argv = {"sleep", "100"}}, {.cancel = &cancel});
  EXPECT_EQ(completed.ending, Ending::kCancelled);
}

TEST(Run, StopsAProgramThatNeverStopsTalking) {
  const Completed completed = run_ok({.argv = {"yes"}}, {.timeout = milliseconds{50}});
  EXPECT_EQ(completed.ending, Ending::kTimedOut);
}

TEST(Run, DoesNotWaitForADaemonLeftBehind) {
  const Completed completed = run_ok(shell("sleep 100 & echo $!"));
  EXPECT_TRUE(completed.is_success());
  const pid_t daemon = std::stoi(completed.out);
  EXPECT_TRUE(identity_of(daemon)->is_alive());
  EXPECT_EQ(::kill(daemon, SIGKILL), 0);
}

TEST(Run, StartsProgramsWithCleanSignals) {
  // The mask and the ignored signals of a thread would reach the program through exec.
  ::sigset_t all;
  ::sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const auto old = ::signal(SIGHUP, SIG_IGN);
  // One that only the kernel lets ignore: the C library keeps it for itself.
  constexpr int kOfTheLibrary = 33;
  const std::array<const void*, 4> ignored{std::bit_cast<const void*>(SIG_IGN)};
  std::array<const void*, 4> library_old{};
  ::syscall(SYS_rt_sigaction, kOfTheLibrary, ignored.data(), library_old.data(), sizeof(void*));
  const Completed completed = run_ok(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status"));
  ::signal(SIGHUP, old);
  ::syscall(SYS_rt_sigaction, kOfTheLibrary, library_old.data(), nullptr, sizeof(void*));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(completed.out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Run, WaitsForAProgramThoughTheParentIgnoredChildren) {
  const auto children = ::signal(SIGCHLD, SIG_IGN);
  const auto pipes = ::signal(SIGPIPE, SIG_DFL);
  settle_signals();
  EXPECT_EQ(run_ok(shell("exit 3")).status.code, 3);
  ::signal(SIGCHLD, children);
  ::signal(SIGPIPE, pipes);
}

TEST(Run, PassesNoDescriptorOn) {
  const int leaky = ::open("/dev/null", O_RDONLY);  // NOLINT: without O_CLOEXEC on purpose.
  const Completed completed = run_ok(shell("ls /proc/self/fd | wc -l"));
  ::close(leaky);
  EXPECT_EQ(completed.out, "4\n") << "three, and the one that ls reads with";
}

TEST(Run, RefusesAnUnknownUser) {
  EXPECT_EQ(run({.argv = {"true"}, .user = "no-such-user"}, system_clock()).error().kind,
            ErrorKind::kNotFound);
}

TEST(Run, BecomesTheUserWithHisGroupsOnly) {
  Command command = shell("id -un; id -G");
  command.user = ::geteuid() == 0 ? "nobody" : current_user().name;
  const auto groups = *groups_of(*find_user(command.user));
  const Completed completed = run_ok(command);
  EXPECT_TRUE(completed.out.starts_with(command.user + "\n" + std::to_string(groups[0])))
      << completed.out;
  EXPECT_EQ(std::count(completed.out.begin(), completed.out.end(), ' ') + 1,
            static_cast<std::ptrdiff_t>(groups.size()));
}

TEST(Process, TalksThroughPipes) {
  auto process = *Process::start({.argv = {"cat"}}, {ToPipe{}, ToPipe{}, ToNull{}});
  ASSERT_TRUE(write_all(process.in(), as_bytes("through")));
  ASSERT_TRUE(process.in().close());
  Bytes out(7);
  ASSERT_TRUE(read_exact(process.out(), out));
  EXPECT_EQ(as_text(out), "through");
  EXPECT_TRUE(process.wait()->is_success());
  EXPECT_TRUE(process.wait()->is_success()) << "a second wait gives the same";
}

TEST(Process, TellsWhetherItStillRuns) {
  auto process = *Process::start({.argv = {"cat"}}, {ToPipe{}, ToNull{}, ToNull{}});
  EXPECT_EQ(*process.try_wait(), std::nullopt);
  ASSERT_TRUE(process.signal(SIGTERM));
  const auto status = *process.wait();
  EXPECT_EQ(status.signal, SIGTERM);
  EXPECT_EQ(status.text(), "killed by signal 15 (Terminated)");
  EXPECT_EQ(process.try_wait()->value().signal, SIGTERM);
  EXPECT_TRUE(process.signal(SIGTERM)) << "a dead child takes no signal, and that is fine";
}

TEST(Process, MayLeadASessionOfItsOwn) {
  auto process = *Process::start({.argv = {"cat"}, .group = ProcessGroup::kOwnSession},
                                 {ToPipe{}, ToNull{}, ToNull{}});
  EXPECT_EQ(::getsid(process.pid()), process.pid());
  ASSERT_TRUE(process.in().close());
  EXPECT_TRUE(process.wait()->is_success());
}

TEST(Process, IsToldWhenWhoStartedItEnds) {
  std::optional<Process> process;
  std::thread{[&] {
    Command command{.argv = {"cat"}};
    command.signal_at_our_end = SIGTERM;
    process.emplace(*Process::start(command, {ToPipe{}, ToNull{}, ToNull{}}));
  }}.join();
  EXPECT_EQ(process->wait()->signal, SIGTERM);
}

TEST(Process, StartsFromManyThreadsAtOnce) {
  std::vector<int> failures(4, 0);
  std::vector<std::thread> threads;
  for (int& count : failures) {
    threads.emplace_back([&count] {
      for (int i = 0; i < 5; ++i) {
        const auto completed =
            run(shell("cat; echo done"), {.input = as_bytes("x")}, system_clock());
        count += completed && completed->out == "xdone\n" ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(failures, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace reprieve::io
