#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "io/file.hpp"
#include "io/process.hpp"
#include "io/user.hpp"

namespace reprieve::io {

/// All that a child needs between fork and exec, made ready before: in a child of a program with
/// threads only system calls are safe, no allocation and no locks.
class SpawnPlan {
 public:
  static Result<SpawnPlan> make(const Command& command);

  /// Forks and runs the program; returns its number once exec succeeded. `standard` become the
  /// child's descriptors 0, 1 and 2; each is above 2.
  Result<pid_t> spawn(const int (&standard)[3]) const;

 private:
  enum class Stage : int { kSession, kStreams, kUser, kFolder, kProgram };
  struct Failure {
    int error_number;
    Stage stage;
  };

  [[noreturn]] void become(const int (&standard)[3], int report_fd, char* const* argv,
                           char* const* environment) const;
  [[noreturn]] static void fail(int report_fd, Stage stage);
  Error explain(const Failure& failure) const;

  Command command_;
  std::string program_;
  std::optional<User> user_;  // Only if it is another one than ours.
  std::vector<gid_t> groups_;
  std::vector<std::string> environment_;
};

}  // namespace reprieve::io
