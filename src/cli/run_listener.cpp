#include "cli/run_listener.hpp"

#include "base/format.hpp"

namespace reprieve::cli {
namespace {

std::string text_member(const Json& body, const char* member) {
  const auto found = body.find(member);
  return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

/// "00:42  ": since the run began.
std::string clock_of(const recovery::RunState& state, const recovery::Record& record) {
  if (!state.started) return "       ";
  const auto seconds = (record.at - state.started->at).count() / 1'000'000'000;
  return fmt::format("{:>4}:{:02}  ", seconds / 60, seconds % 60);
}

}  // namespace

void RunTeller::on_record(const recovery::RunState& state, const recovery::Record& record) {
  if (console_.is_json()) {
    console_.warn(to_text({{"schema", "reprieve.run-event/1"},
                           {"run", state.id},
                           {"at", format_rfc3339(record.at)},
                           {"kind", recovery::name_of(record.kind)},
                           {"body", record.body}}));
    return;
  }
  tell(state, record);
}

void RunTeller::tell(const recovery::RunState& state, const recovery::Record& record) const {
  using Kind = recovery::RecordKind;
  const std::string step = text_member(record.body, "step");
  const std::string clock = clock_of(state, record);
  switch (record.kind) {
    case Kind::kRunStarted:
      return console_.say(fmt::format("Run {} of scenario {}{}", state.id, state.scenario,
                                      state.world == "real" ? "" : " [" + state.world + "]"));
    case Kind::kResumed:
      return console_.say(fmt::format("Run {} goes on where it was", state.id));
    case Kind::kStepStarted:
      return console_.say(fmt::format("{}{:<14} begins", clock, step));
    case Kind::kStepEnded: {
      const recovery::StepRun& ended = state.step(step);
      std::string took;
      if (ended.generation_began && ended.ended)
        took = " in " + format_duration(recovery::elapsed(*ended.generation_began, *ended.ended));
      console_.say(fmt::format("{}{:<14} {}{}{}", clock, step, recovery::name_of(ended.state), took,
                               ended.error.empty() ? "" : ": " + printable(ended.error)));
      return;
    }
    case Kind::kStepSkipped:
      return console_.say(fmt::format("{}{:<14} skipped", clock, step));
    case Kind::kAsked:
      return console_.say(fmt::format("{}{:<14} WAITS FOR YOU: {}", clock, step,
                                      printable(text_member(record.body, "question"))));
    case Kind::kApproval:
      return console_.say(fmt::format("{}{:<14} {} by {}", clock, step,
                                      record.body.value("approved", true) ? "approved" : "rejected",
                                      printable(text_member(record.body, "person"))));
    case Kind::kUndoStarted:
      return console_.say(fmt::format("{}{:<14} is being taken back", clock, step));
    case Kind::kUndone:
      return console_.say(fmt::format("{}{:<14} taken back", clock, step));
    default:
      return;
  }
}

}  // namespace reprieve::cli
