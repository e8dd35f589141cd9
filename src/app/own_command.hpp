#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "io/process.hpp"

namespace reprieve::app {

/// Runs a command of this program as a child, with --json, and calls `told` with each object that
/// it puts out; what else it says goes to our standard error. On `cancel` it is asked to stop and
/// waited for; so it is if we are killed, but for the waiting. Errors: those of starting it.
Result<io::ExitStatus> run_own_command(std::vector<std::string> arguments,
                                       const std::function<void(const Json& object)>& told,
                                       const CancelToken& cancel);

/// Why a command failed: what its last object says, or its exit status.
struct Failure {
  std::string what;
  std::string hint;
};
Failure failure_of(const Json& last, const Result<io::ExitStatus>& status);

}  // namespace reprieve::app
