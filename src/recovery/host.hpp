#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

/// The seam between a recovery and the machine that it works on (docs/adr/0004). All arguments and
/// results are values, so that the same calls can travel to an agent on another machine.
namespace reprieve::recovery {

/// A program to be run as a child of its own, which outlives the orchestrator.
struct HostCommand {
  std::vector<std::string> argv = {};  ///< Never a shell; the program is looked up in PATH.
  std::map<std::string, std::string> env =
      {};                 ///< Added to the host's environment. No secret values.
  std::string cwd = {};   ///< Empty: `/`.
  std::string user = {};  ///< Empty: as the host runs.
  std::string log =
      {};  ///< Appends both outputs to this file; empty: two files of the child's folder.
};

/// Names one child for ever. A key is a relative path of lower-case words, digits and "._-/" below
/// the host's state folder; there lies all that is known of the child.
struct ChildKey {
  std::string path;
  friend auto operator<=>(const ChildKey&, const ChildKey&) = default;
};

struct ChildView {
  enum class State : std::uint8_t {
    kAbsent,   ///< It has not begun. It may still, unless abandon() said otherwise.
    kRunning,  ///< It, or something that it started and that kept its lock, lives.
    kExited,   ///< It ended by itself or by a signal: `exit_code` or `signal`.
    kLost,     ///< It began and nothing of it lives, but it left no status.
  };
  State state = State::kAbsent;
  int exit_code = 0;
  int signal = 0;                  ///< Not 0: ended by this signal.
  std::string exec_error;          ///< Not empty: the program could not be executed at all.
  std::uint64_t output_bytes = 0;  ///< Of both outputs so far; grows while there is progress.
  std::optional<Instant> began;
  std::optional<Instant> ended;
};

/// One process, safe against reuse of its number.
struct ProcessName {
  std::int64_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< Field 22 of /proc/PID/stat.
  std::string boot_id;
  friend bool operator==(const ProcessName&, const ProcessName&) = default;
};

/// How the process of a service is found, in this order.
struct ProcessQuery {
  /// Children below this key, newest first: services that a recovery started itself.
  std::string children_below;
  std::optional<std::string> pid_file;
  /// Last resort: a process whose command line ends with exactly this.
  std::vector<std::string> argv;
};

struct PathView {
  enum class Kind : std::uint8_t { kAbsent, kFile, kDirectory, kOther };
  Kind kind = Kind::kAbsent;
  /// "device:inode": tells a path's object from another that took its name.
  std::string identity;
  bool is_mount_point = false;
};

struct ShortResult {
  int exit_code = 0;   ///< 128 + signal if ended by one; 124 if the time was up.
  std::string output;  ///< Standard output, then standard error; cut at 64 KiB.
};

enum class OutputStream : std::uint8_t { kStandard, kError };

/// One machine. Not thread-safe: one orchestrator owns it. Errors unless said otherwise:
/// kTransient if the host cannot be reached (the call may have happened), kDenied, kExhausted.
class Host {
 public:
  virtual ~Host() = default;

  /// Starts `command` under `key`. Returns once the child was handed over; whether the program
  /// could be executed is seen by look(). Errors: kConflict if the key was started or abandoned
  /// before: nothing runs then.
  virtual Result<> start(const ChildKey& key, const HostCommand& command) = 0;
  virtual Result<ChildView> look(const ChildKey& key) = 0;
  /// Makes sure that a child that has not begun never will. Errors: kConflict if it began.
  virtual Result<> abandon(const ChildKey& key) = 0;
  /// Signals the child and all that share its process group; a child that ended is no error.
  /// Errors: kTransient if it is not executed yet, so that there is nobody to signal.
  virtual Result<> signal_child(const ChildKey& key, int signal) = 0;
  /// The first, or last, `limit` bytes of what the child wrote.
  virtual Result<std::string> output_head(const ChildKey& key, OutputStream stream,
                                          std::size_t limit) = 0;
  virtual Result<std::string> output_tail(const ChildKey& key, OutputStream stream,
                                          std::size_t limit) = 0;

  /// Runs something quick that only reads (a status command) and waits for it.
  /// Errors: kNotFound if there is no such program.
  virtual Result<ShortResult> run_short(const HostCommand& command, Duration timeout) = 0;

  virtual Result<std::optional<ProcessName>> find_process(const ProcessQuery& query) = 0;
  /// Whether it lives; a zombie does not.
  virtual Result<bool> is_alive(const ProcessName& process) = 0;
  /// A process that is gone is no error.
  virtual Result<> signal_process(const ProcessName& process, int signal) = 0;

  virtual Result<PathView> look_at_path(const std::string& path) = 0;
  /// "PID NAME" of processes that have a file below `path` open or work there, as far as this user
  /// may see; at most ten.
  virtual Result<std::vector<std::string>> users_of(const std::string& path) = 0;
  /// Swaps two paths of one file system in one atomic act; durable on return.
  /// Errors: kNotFound; kInvalid if they lie on two file systems.
  virtual Result<> exchange(const std::string& a, const std::string& b) = 0;
  /// Gives `from` the name `to`; durable on return. Errors: kNotFound; kConflict if `to` exists.
  virtual Result<> move_to_free_name(const std::string& from, const std::string& to) = 0;

  virtual Result<Instant> now() = 0;  ///< The host's own clock.
  virtual std::string name() const = 0;
};

}  // namespace reprieve::recovery
