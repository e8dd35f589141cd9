#include <fmt/format.h>

#include <algorithm>

#include "recovery/decide.hpp"
#include "report/run_report.hpp"

namespace reprieve::report {
namespace {

bool has_missed(const recovery::Measures& measures) {
  return measures.verdict == recovery::Verdict::kMissed ||
         std::ranges::any_of(measures.losses, [](const recovery::DataLoss& loss) {
           return loss.verdict == recovery::Verdict::kMissed;
         });
}

bool waits_for_person(const recovery::RunState& state) {
  return std::ranges::any_of(state.steps, [](const auto& entry) { return entry.second.is_asked; });
}

}  // namespace

Headline headline_of(const RunReport& report) {
  const recovery::RunState& state = report.state;
  if (!state.outcome) {
    if (waits_for_person(state)) return {.verdict = Verdict::kOpen, .text = "waiting for a person"};
    return {.verdict = Verdict::kOpen, .text = "under way, or cut off"};
  }
  switch (*state.outcome) {
    case recovery::RunOutcome::kFailed:
      return {.verdict = Verdict::kBad, .text = "failed"};
    case recovery::RunOutcome::kRolledBack:
      return {.verdict = Verdict::kBad, .text = "rolled back"};
    case recovery::RunOutcome::kDone:
      break;
  }
  if (has_missed(report.measures))
    return {.verdict = Verdict::kMissed, .text = "recovered, an objective was missed"};
  return {.verdict = Verdict::kGood, .text = "recovered"};
}

std::vector<std::string> critical_path(const plan::Scenario& executed,
                                       const recovery::RunState& state) {
  const auto ended = [&](const std::string& id) { return state.step(id).ended; };
  const plan::Step* at = nullptr;
  for (const plan::Step& step : executed.steps)
    if (ended(step.id) && (at == nullptr || ended(step.id)->at > ended(at->id)->at)) at = &step;
  std::vector<std::string> path;
  while (at != nullptr && path.size() <= executed.steps.size()) {
    path.push_back(at->id);
    const plan::Step* latest = nullptr;
    for (const plan::Name& need : at->needs) {
      if (!ended(need.text)) continue;
      if (latest == nullptr || ended(need.text)->at > ended(latest->id)->at)
        latest = executed.find_step(need.text);
    }
    at = latest;
  }
  std::ranges::reverse(path);
  return path;
}

}  // namespace reprieve::report
