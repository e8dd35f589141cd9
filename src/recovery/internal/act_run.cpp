#include "recovery/internal/act_run.hpp"

#include <utility>

namespace reprieve::recovery {

Result<std::unique_ptr<ActRun>> make_act_run(const Context& context, const RunState& state,
                                             const plan::Step& step, const Act& act) {
  switch (act.kind) {
    case ActKind::kCommand:
      return make_command_run(context, act);
    case ActKind::kServiceStop:
      return make_stop_run(context, act);
    case ActKind::kServiceStart:
      return make_start_run(context, act);
    case ActKind::kChecks:
      return make_checks_run(context, act);
    case ActKind::kMove:
      return make_move_run(context, act);
    case ActKind::kApprove:
      return make_approve_run(context, state, step, act);
  }
  return Error{ErrorKind::kCorrupt, "an act is of an unknown kind"};
}

ActStatus done_with(Json outputs) {
  return {.kind = ActStatus::Kind::kDone, .outputs = std::move(outputs), .error = {}};
}

ActStatus failed_with(std::string error) {
  return {.kind = ActStatus::Kind::kFailed, .outputs = Json::object(), .error = std::move(error)};
}

}  // namespace reprieve::recovery
