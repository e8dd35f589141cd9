#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "io/file.hpp"
#include "io/process_identity.hpp"

/// The shim: a small process between an orchestrator and a command, in a session of its own, so
/// that the command outlives the orchestrator and leaves its exit status where the next one finds
/// it. All that is known of a child lies in one folder:
///
///     lock       held (flock) by the shim and, through their standard input, by all that it
///     started begun      durable before the command is executed child      the command's process
///     stdout     stderr
///     exit       durable, appears whole: the status
///     abandoned  written, under the lock, by who wants it never to begin
namespace reprieve::recovery {

/// `reprieve shim --dir D [--user U] [--cwd C] [--log F] -- PROGRAM ARGUMENT...`. Returns the exit
/// code for main(). Never writes to its own standard output.
int shim_main(int argc, char** argv);

struct ShimExit {
  int exit_code = 0;
  int signal = 0;
  std::string error;  ///< The command could not be executed.
  Instant ended;
};

/// The parts of a child's folder, for the host that reads it. `folder` ends without a slash.
class ChildFolder {
 public:
  explicit ChildFolder(std::string folder) : folder_{std::move(folder)} {}

  [[nodiscard]] std::string path(std::string_view name) const {
    return folder_ + "/" + std::string{name};
  }
  /// Nothing while there is no status. Errors: kCorrupt.
  [[nodiscard]] Result<std::optional<ShimExit>> exit() const;
  [[nodiscard]] bool has_begun() const;
  [[nodiscard]] bool is_abandoned() const;
  [[nodiscard]] std::optional<Instant> began_at() const;
  [[nodiscard]] std::optional<io::ProcessIdentity> child() const;

  enum class Lock : std::uint8_t { kTaken, kHeldByOther };
  struct LockAttempt {
    Lock state = Lock::kHeldByOther;
    io::FileHandle file;  ///< Open while taken: closing it gives the lock back.
  };
  /// Waits for nobody.
  [[nodiscard]] Result<LockAttempt> try_lock_alone() const;
  [[nodiscard]] Result<LockAttempt> try_lock_shared() const;

 private:
  [[nodiscard]] Result<LockAttempt> try_lock(int operation) const;
  std::string folder_;
};

}  // namespace reprieve::recovery
