#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/format.hpp"
#include "recovery/decide.hpp"
#include "report/run_report.hpp"

namespace reprieve::report {
namespace {

using recovery::StepState;

/// What a terminal may show: nothing from outside may move its cursor.
std::string plain(std::string_view text, std::size_t columns_max) {
  std::string clean;
  for (const char c : text)
    clean += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  if (clean.size() <= columns_max) return clean;
  clean.resize(columns_max - 3);
  return clean + "...";
}

std::string mark_of(StepState state) {
  switch (state) {
    case StepState::kDone:
    case StepState::kDoneObserved:
      return "ok";
    case StepState::kSkipped:
      return "--";
    case StepState::kFailed:
    case StepState::kUndoFailed:
      return "!!";
    case StepState::kUnknown:
      return "??";
    case StepState::kUndone:
    case StepState::kUndoing:
      return "<-";
    case StepState::kRunning:
      return "..";
    case StepState::kPending:
      break;
  }
  return "  ";
}

std::string judged(recovery::Verdict verdict, const std::optional<Duration>& objective) {
  if (!objective) return "no objective";
  return fmt::format("objective {}: {}", format_duration(*objective), recovery::name_of(verdict));
}

std::string time_line(const RunReport& report) {
  const recovery::RecoveryTime& time = report.measures.time;
  if (!time.total)
    return fmt::format("  recovery time  not known; {}\n",
                       judged(report.measures.verdict, report.measures.objective));
  std::string line = fmt::format(
      "  recovery time  {} ({} machine, {} waiting for people", format_duration(*time.total),
      format_duration(time.machine.value_or(Duration{})), format_duration(time.human));
  if (time.before_declaration > Duration{})
    line += fmt::format(", {} before the declaration", format_duration(time.before_declaration));
  return line + fmt::format("); {}\n", judged(report.measures.verdict, report.measures.objective));
}

std::string loss_line(const recovery::DataLoss& loss) {
  std::string what = "not known";
  if (loss.lost)
    what = format_duration(*loss.lost);
  else if (loss.bound)
    what = "not known, at most " + format_duration(*loss.bound);
  if (loss.lost_writes)
    what += fmt::format(", {} of {} acknowledged writes", format_count(*loss.lost_writes),
                        format_count(loss.known_writes.value_or(0)));
  return fmt::format("  data loss      {}: {}; {}\n", plain(loss.source, 24), what,
                     judged(loss.verdict, loss.objective));
}

std::string step_line(const recovery::RunState& state, const plan::Step& rule) {
  const recovery::StepRun& step = state.step(rule.id);
  std::string took;
  if (step.began && step.ended) took = format_duration(recovery::elapsed(*step.began, *step.ended));
  std::string line = fmt::format("  {} {:<16} {:<14} {:>9}", mark_of(step.state),
                                 plain(rule.id, 16), plan::name_of(rule.type()), took);
  if (step.state == StepState::kDoneObserved) line += "  nothing had to be done";
  if (step.generation > 1) line += fmt::format("  {} tries", step.generation);
  if (!step.error.empty()) line += "  " + plain(step.error, 300);
  return line + "\n";
}

std::string warnings(const recovery::RunState& state) {
  std::string lines;
  for (const auto& [id, step] : state.steps)
    for (const recovery::ActState& act : step.acts)
      if (const std::string warning = recovery::text_of(act.outputs, "warning"); !warning.empty())
        lines += "  warning        " + plain(warning, 300) + "\n";
  return lines;
}

}  // namespace

std::string run_text(const RunReport& report) {
  const recovery::RunState& state = report.state;
  std::string text = fmt::format("{} {} ({}): {}\n", state.id, plain(state.scenario, 40),
                                 state.world == "real" ? "REAL" : plain(state.world, 20),
                                 headline_of(report).text);
  if (state.outcome && *state.outcome != recovery::RunOutcome::kDone)
    text += "  " + plain(state.outcome_text, 400) + "\n";
  text += time_line(report);
  for (const recovery::DataLoss& loss : report.measures.losses)
    text += loss_line(loss);
  text += warnings(state);
  if (const plan::Scenario* const scenario = report.plan.find_scenario(state.scenario)) {
    const plan::Scenario executed = recovery::executed_scenario(*scenario);
    for (const plan::Step& step : executed.steps)
      text += step_line(state, step);
  }
  for (const auto& [id, step] : state.steps)
    if (step.is_asked && !step.waits.empty())
      text += fmt::format("  waits for a person at {}: {}\n", plain(id, 40),
                          plain(step.waits.back().question, 400));
  return text;
}

}  // namespace reprieve::report
