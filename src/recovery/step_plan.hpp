#pragma once

#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "plan/model.hpp"
#include "recovery/act.hpp"
#include "recovery/context.hpp"
#include "recovery/run_state.hpp"

/// From a step of the plan to the acts that carry it out, and to those that take it back. Reads the
/// world (recovery points, paths), changes nothing.
namespace reprieve::recovery {

struct StepPlan {
  std::vector<Act> acts;
  /// What was pinned while planning (a recovery point) and is known before the acts end.
  Json values = Json::object();
};

enum class Foresight : std::uint8_t {
  kNow,    ///< The step is about to begin: all values must be there.
  kAhead,  ///< Dry run: values of earlier steps are not there yet.
};

/// Errors: kInvalid for a value that cannot be used; kConflict if it must not begin (a busy target,
/// a mount point); the point resolver's.
Result<StepPlan> plan_step(const Context& context, const RunState& state, const plan::Step& step,
                           Foresight foresight);

/// From what the step's acts recorded, newest first. Acts that changed nothing are left out.
Result<std::vector<Act>> plan_undo(const Context& context, const RunState& state,
                                   const plan::Step& step);

/// Names of `services` in the order in which they are started.
std::vector<std::string> start_order(const plan::Plan& plan,
                                     const std::vector<plan::Name>& services);

/// The name beside `path` under which run `run_id` restores it, and the one that keeps what was
/// replaced.
std::string side_path(const std::string& path, const std::string& run_id);
std::string kept_path(const std::string& path, const std::string& run_id);

/// "a 'b c'": an argument list as a person would type it. For reading only.
std::string to_command_line(const std::vector<std::string>& argv);

}  // namespace reprieve::recovery
