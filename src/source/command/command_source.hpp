#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "source/source.hpp"

namespace reprieve {

struct CommandSourceOptions {
  std::vector<std::string> argv;  ///< The program and its arguments; no shell is involved.
  std::string file_name;          ///< Of what it writes; no '/'.
};

/// Keeps what a program writes to its standard output as one file: dumps of what has no source of
/// its own. The program's standard error is ours, and its standard input is empty.
class CommandSource : public Source {
 public:
  explicit CommandSource(CommandSourceOptions options, Clock& clock = system_clock());

  /// One entry, a file of the present time. The program has ended when this returns: on an error or
  /// when the run is stopped its whole process group gets SIGTERM, and after five seconds SIGKILL.
  /// Errors: kInvalid if the program ends with anything but success, for what it wrote until then
  /// is half a dump; those of Process::start(); the sink's; kCancelled.
  Result<std::vector<Entry>> capture(CaptureSink& sink) override;

 private:
  CommandSourceOptions options_;
  Clock& clock_;
};

}  // namespace reprieve
