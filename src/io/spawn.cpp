#include "io/internal/spawn.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <utility>

#include "io/internal/retry.hpp"

namespace reprieve::io {
namespace {

constexpr unsigned kCloseRangeCloexec = 4;  // CLOSE_RANGE_CLOEXEC of linux/close_range.h.

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  // execve() takes char* for historical reasons and does not write to them.
  for (const std::string& s : strings)
    pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

bool has_zero_byte(const std::vector<std::string>& strings) {
  for (const std::string& s : strings) {
    if (s.find('\0') != std::string::npos) return true;
  }
  return false;
}

/// Blocks all signals of this thread: none of our handlers may run in the child.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    ::sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  ::sigset_t before_{};
};

void reset_signals() {
  // The C library's sigaction() refuses the two signals it keeps for itself (32 and 33), yet a
  // parent may have ignored them; the kernel takes them. All zero is SIG_DFL without flags;
  // SIGKILL and SIGSTOP refuse, as they should.
  constexpr std::array<unsigned long, 4> kDefault{};  // handler, flags, restorer, mask
  for (int number = 1; number < NSIG; ++number)
    ::syscall(SYS_rt_sigaction, number, kDefault.data(), nullptr, sizeof(unsigned long));
  ::sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

Result<SpawnPlan> SpawnPlan::make(const Command& command) {
  if (command.argv.empty()) return Error{ErrorKind::kInvalid, "start a program: none is named"};
  SpawnPlan plan;
  plan.command_ = command;
  plan.environment_ = command.environment ? *command.environment : own_environment();
  if (has_zero_byte(command.argv) || has_zero_byte(plan.environment_))
    return Error{ErrorKind::kInvalid, "start " + command.argv[0] + ": an argument has a zero byte"};
  REPRIEVE_TRY(plan.program_, find_program(command.argv[0], plan.environment_));
  if (!command.user.empty()) {
    REPRIEVE_TRY(const User user, find_user(command.user));
    if (user.uid != ::geteuid()) {
      REPRIEVE_TRY(plan.groups_, groups_of(user));
      plan.user_ = user;
    }
  }
  return plan;
}

Result<pid_t> SpawnPlan::spawn(const int (&standard)[3]) const {
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) return error_from_errno(errno, "make a pipe");
  const FileHandle report_in{report[0]};
  FileHandle report_out{report[1]};
  const std::vector<char*> argv = pointers_to(command_.argv);
  const std::vector<char*> environment = pointers_to(environment_);
  pid_t pid = -1;
  {
    const AllSignalsBlocked blocked;
    pid = ::fork();
    if (pid == 0) become(standard, report_out.fd(), argv.data(), environment.data());
  }
  if (pid < 0) return error_from_errno(errno, "start " + command_.argv[0]);
  ignore_error(report_out.close(), "the child has its own");
  // Exec closes the pipe: its end without a report is success.
  Failure failure{};
  const auto got = read_some(report_in, std::as_writable_bytes(std::span{&failure, 1}));
  if (got && *got == 0) return pid;
  retry_if_interrupted([&] { return ::waitpid(pid, nullptr, 0); });
  if (!got || *got != sizeof failure)
    return Error{ErrorKind::kTransient, "start " + command_.argv[0] + ": no word from the child"};
  return explain(failure);
}

void SpawnPlan::fail(int report_fd, Stage stage) {
  const Failure failure{errno, stage};
  static_cast<void>(::write(report_fd, &failure, sizeof failure));
  ::_exit(127);
}

/// Runs in the child. System calls only, and the raw ones where the C library's take locks.
void SpawnPlan::become(const int (&standard)[3], int report_fd, char* const* argv,
                       char* const* environment) const {
  reset_signals();
  if (command_.group == ProcessGroup::kOwnSession && ::setsid() < 0)
    fail(report_fd, Stage::kSession);
  if (command_.group == ProcessGroup::kOwn && ::setpgid(0, 0) != 0)
    fail(report_fd, Stage::kSession);
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(standard[fd], fd) < 0) fail(report_fd, Stage::kStreams);
  }
  // Descriptors that a library opened without O_CLOEXEC must not reach the program either.
  ::syscall(SYS_close_range, 3U, UINT_MAX, kCloseRangeCloexec);
  if (user_) {
    // setgroups() and its kin of the C library would try to reach the parent's threads.
    if (::syscall(SYS_setgroups, groups_.size(), groups_.data()) != 0 ||
        ::syscall(SYS_setresgid, user_->gid, user_->gid, user_->gid) != 0 ||
        ::syscall(SYS_setresuid, user_->uid, user_->uid, user_->uid) != 0)
      fail(report_fd, Stage::kUser);
  }
  // After the change of user, which takes it back.
  if (command_.signal_at_our_end != 0 && ::prctl(PR_SET_PDEATHSIG, command_.signal_at_our_end) != 0)
    fail(report_fd, Stage::kSession);
  // As the user: what he may not enter, the program may not either.
  if (!command_.folder.empty() && ::chdir(command_.folder.c_str()) != 0)
    fail(report_fd, Stage::kFolder);
  ::execve(program_.c_str(), argv, environment);
  fail(report_fd, Stage::kProgram);
}

Error SpawnPlan::explain(const Failure& failure) const {
  const std::string start = "start " + command_.argv[0];
  switch (failure.stage) {
    case Stage::kSession:
      return error_from_errno(failure.error_number, start + ": new process group");
    case Stage::kStreams:
      return error_from_errno(failure.error_number, start + ": connect its streams");
    case Stage::kUser:
      return error_from_errno(failure.error_number, start + " as user " + command_.user)
          .with_hint("Run this as root, or as that user.");
    case Stage::kFolder:
      return error_from_errno(failure.error_number, start + ": enter " + command_.folder);
    case Stage::kProgram:
      if (failure.error_number == ENOEXEC)
        return Error{ErrorKind::kInvalid, start + ": " + program_ + " is no program",
                     "A script needs a first line such as #!/bin/sh."};
      return error_from_errno(failure.error_number, start + " (" + program_ + ")");
  }
  return error_from_errno(failure.error_number, start);
}

}  // namespace reprieve::io
