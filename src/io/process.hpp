#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "io/file.hpp"
#include "io/process_identity.hpp"

/// Child processes. No shell is involved: arguments reach the program as they are. A child starts
/// with default signal dispositions, an empty signal mask, and no descriptor but its three.
namespace reprieve::io {

struct ToNull {};    ///< /dev/null.
struct ToParent {};  ///< The same as ours.
struct ToPipe {};    ///< A pipe whose other end Process has.
/// A file, opened by the caller; appended to if it was opened so.
struct ToFile {
  int fd = -1;  ///< Borrowed until start() returns.
};
using Stream = std::variant<ToNull, ToParent, ToPipe, ToFile>;

/// Whom a signal to "the whole child" reaches.
enum class ProcessGroup : std::uint8_t {
  kOwn,         ///< A group of its own: the child and what it starts. Usual.
  kOwnSession,  ///< Also detached from our terminal: survives its end.
  kOurs,        ///< For programs that talk to the terminal.
};

struct Command {
  /// The program and its arguments. A program without '/' is looked up in PATH of `environment`.
  std::vector<std::string> argv;
  /// "NAME=value" each; nothing means our own environment.
  std::optional<std::vector<std::string>> environment = {};
  std::string folder = {};  ///< Working directory; empty means ours.
  std::string user = {};    ///< Account to run as, with all its groups; empty means ours.
  ProcessGroup group = ProcessGroup::kOwn;
  /// Sent to the program when the thread that started it ends, however it does; 0: nothing is.
  int signal_at_our_end = 0;
};

/// Our own environment, to be added to.
std::vector<std::string> own_environment();

struct ExitStatus {
  int code = 0;    ///< Meaningful if signal is 0.
  int signal = 0;  ///< The signal that killed it, or 0.
  [[nodiscard]] bool is_success() const { return code == 0 && signal == 0; }
  /// "exit code 3", "killed by signal 9 (Killed)".
  [[nodiscard]] std::string text() const;
};

/// A child that was started. Destroying it neither kills nor waits: who starts must wait().
class Process {
 public:
  struct Streams {
    Stream in = ToNull{};
    Stream out = ToParent{};
    Stream err = ToParent{};
  };

  /// Returns once the program runs. Errors: kNotFound, with the program's name, if there is none;
  /// kDenied if it or the user may not be used; kInvalid if argv is empty or the file is no
  /// program; kExhausted.
  static Result<Process> start(const Command& command, const Streams& streams);
  static Result<Process> start(const Command& command) { return start(command, Streams{}); }

  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process() = default;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// What a journal keeps. Taken at the start.
  [[nodiscard]] const ProcessIdentity& identity() const { return identity_; }

  /// Our ends of the streams that are ToPipe; closed handles for the others. Writing to a program
  /// that is gone raises SIGPIPE: see settle_signals().
  FileHandle& in() { return in_; }
  FileHandle& out() { return out_; }
  FileHandle& err() { return err_; }

  /// Blocks until the child ends. Later calls give the same answer.
  Result<ExitStatus> wait();
  /// Nothing while it runs.
  Result<std::optional<ExitStatus>> try_wait();
  /// To the child's whole group if it has its own, else to the child. No error if it has ended.
  Result<> signal(int number);

 private:
  Process() = default;
  pid_t pid_ = 0;
  bool has_group_ = false;
  ProcessIdentity identity_;
  std::optional<ExitStatus> status_;
  FileHandle in_;
  FileHandle out_;
  FileHandle err_;
};

/// How a run() ended.
enum class Ending : std::uint8_t { kExited, kTimedOut, kCancelled };

struct RunOptions {
  ByteView input = {};                        ///< The child's standard input.
  std::size_t output_bytes_max = 1 << 20;     ///< Kept of each stream; the rest is dropped.
  Duration timeout = std::chrono::hours{24};  ///< Then the group gets SIGTERM.
  Duration grace = std::chrono::seconds{5};   ///< Between SIGTERM and SIGKILL.
  const CancelToken* cancel = nullptr;        ///< Ends the run as a timeout does.
  std::optional<int> output_fd = {};          ///< Both streams go there instead of `out`/`err`.
};

struct Completed {
  Ending ending = Ending::kExited;
  ExitStatus status;
  std::string out;
  std::string err;
  bool is_truncated = false;  ///< Some output was dropped.
  Duration elapsed{};
  [[nodiscard]] bool is_success() const { return ending == Ending::kExited && status.is_success(); }
  /// "exit code 3", "killed after 5.0 s".
  [[nodiscard]] std::string text() const;
};

/// Starts, feeds, reads and waits. Output that grandchildren write after the program's end is not
/// waited for, so a program may leave a daemon behind. Errors: as Process::start(); a program that
/// fails, times out or is cancelled is no error here: see Completed.
Result<Completed> run(const Command& command, const RunOptions& options, Clock& clock);
Result<Completed> run(const Command& command, Clock& clock);

/// The file that `program` names: itself if it has a '/', else the first executable in PATH of the
/// environment. Errors: kNotFound.
Result<std::string> find_program(const std::string& program,
                                 const std::vector<std::string>& environment);

/// For the start of main(): a write to a closed pipe or socket fails with EPIPE instead of ending
/// us, and children can be waited for even if our parent ignored SIGCHLD (sigaction(2), NOTES).
void settle_signals();

}  // namespace reprieve::io
