#include "io/process.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/format.hpp"
#include "io/internal/retry.hpp"
#include "io/internal/spawn.hpp"

namespace reprieve::io {
namespace {

constexpr std::string_view kPathByDefault =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view path_in(const std::vector<std::string>& environment) {
  for (const std::string_view variable : environment) {
    if (variable.starts_with("PATH=")) return variable.substr(5);
  }
  return kPathByDefault;
}

bool is_program(const std::string& path) {
  struct ::stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

/// The child's end of a stream, above the three standard numbers so that none is in another's way;
/// and ours, if it is a pipe.
struct Ends {
  FileHandle child;
  FileHandle ours;
};

Result<FileHandle> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return error_from_errno(errno, "duplicate a descriptor");
  return FileHandle{copy};
}

Result<Ends> pipe_ends(bool is_input) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return error_from_errno(errno, "make a pipe");
  FileHandle reading{pipe[0]};
  FileHandle writing{pipe[1]};
  REPRIEVE_TRY(FileHandle child, duplicate(is_input ? reading.fd() : writing.fd()));
  return Ends{std::move(child), is_input ? std::move(writing) : std::move(reading)};
}

Result<Ends> ends_of(const Stream& stream, int standard_fd) {
  if (std::holds_alternative<ToPipe>(stream)) return pipe_ends(standard_fd == STDIN_FILENO);
  if (const auto* file = std::get_if<ToFile>(&stream)) {
    REPRIEVE_TRY(FileHandle child, duplicate(file->fd));
    return Ends{std::move(child), {}};
  }
  if (std::holds_alternative<ToParent>(stream) && ::fcntl(standard_fd, F_GETFD) >= 0) {
    REPRIEVE_TRY(FileHandle child, duplicate(standard_fd));
    return Ends{std::move(child), {}};
  }
  // Also for ToParent if that descriptor of ours is closed.
  REPRIEVE_TRY(const FileHandle null, open_file("/dev/null", O_RDWR));
  REPRIEVE_TRY(FileHandle child, duplicate(null.fd()));
  return Ends{std::move(child), {}};
}

ExitStatus status_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {.code = 0, .signal = WTERMSIG(wait_status)};
  return {.code = WEXITSTATUS(wait_status), .signal = 0};
}

}  // namespace

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  return variables;
}

Result<std::string> find_program(const std::string& program,
                                 const std::vector<std::string>& environment) {
  const Error not_found{ErrorKind::kNotFound, program + ": no such program",
                        "Install it, or give its full path."};
  if (program.empty()) return not_found;
  if (program.find('/') != std::string::npos) {
    struct ::stat status {};
    if (::stat(program.c_str(), &status) != 0) return not_found;
    return program;  // Whether it may be run is for exec to say.
  }
  std::string_view rest = path_in(environment);
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string folder{rest.substr(0, colon)};
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    // An empty folder would mean the working directory, where anybody may have put a program.
    if (folder.empty()) continue;
    std::string candidate = folder;
    candidate += '/';
    candidate += program;
    if (is_program(candidate)) return candidate;
  }
  return not_found;
}

std::string ExitStatus::text() const {
  if (signal == 0) return "exit code " + std::to_string(code);
  const char* name = ::sigdescr_np(signal);
  return "killed by signal " + std::to_string(signal) +
         (name == nullptr ? "" : " (" + std::string{name} + ")");
}

Result<Process> Process::start(const Command& command, const Streams& streams) {
  REPRIEVE_TRY(const SpawnPlan plan, SpawnPlan::make(command));
  REPRIEVE_TRY(Ends in, ends_of(streams.in, STDIN_FILENO));
  REPRIEVE_TRY(Ends out, ends_of(streams.out, STDOUT_FILENO));
  REPRIEVE_TRY(Ends err, ends_of(streams.err, STDERR_FILENO));
  Process process;
  REPRIEVE_TRY(process.pid_, plan.spawn({in.child.fd(), out.child.fd(), err.child.fd()}));
  process.has_group_ = command.group != ProcessGroup::kOurs;
  process.in_ = std::move(in.ours);
  process.out_ = std::move(out.ours);
  process.err_ = std::move(err.ours);
  // Our own child, not waited for yet: its entry is there even if it has ended.
  auto identity = identity_of(process.pid_);
  process.identity_ = identity ? *std::move(identity) : ProcessIdentity{process.pid_, 0, "unknown"};
  return process;
}

Process::Process(Process&& other) noexcept = default;

Result<ExitStatus> Process::wait() {
  if (status_) return *status_;
  int status = 0;
  if (retry_if_interrupted([&] { return ::waitpid(pid_, &status, 0); }) < 0)
    return error_from_errno(errno, "wait for process " + std::to_string(pid_));
  status_ = status_of(status);
  return *status_;
}

Result<std::optional<ExitStatus>> Process::try_wait() {
  if (status_) return std::optional{*status_};
  int status = 0;
  const pid_t done = retry_if_interrupted([&] { return ::waitpid(pid_, &status, WNOHANG); });
  if (done < 0) return error_from_errno(errno, "wait for process " + std::to_string(pid_));
  if (done > 0) status_ = status_of(status);
  return std::optional<ExitStatus>{status_};
}

Result<> Process::signal(int number) {
  // A group outlives its leader while others are in it; a number that was waited for may be
  // another process's by now.
  if (status_ && !has_group_) return kOk;
  if (::kill(has_group_ ? -pid_ : pid_, number) != 0 && errno != ESRCH)
    return error_from_errno(errno, "signal process " + std::to_string(pid_));
  return kOk;
}

std::string Completed::text() const {
  switch (ending) {
    case Ending::kExited:
      return status.text();
    case Ending::kTimedOut:
      return "stopped after " + format_duration(elapsed) + ": it took too long";
    case Ending::kCancelled:
      return "stopped by the user";
  }
  return status.text();
}

void settle_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
}

}  // namespace reprieve::io
