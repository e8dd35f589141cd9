#include "recovery/kept_copy.hpp"

#include "recovery/record.hpp"

namespace reprieve::recovery {

std::vector<KeptCopy> kept_copies(const plan::Plan& plan, const RunState& state) {
  std::vector<KeptCopy> copies;
  const plan::Scenario* const scenario = plan.find_scenario(state.scenario);
  if (scenario == nullptr || !state.outcome) return copies;
  for (const auto& [id, step] : state.steps) {
    const plan::Step* const rule = scenario->find_step(id);
    if (rule == nullptr || step.state != StepState::kDone || !step.ended) continue;
    const auto* const swap = std::get_if<plan::SwitchStep>(&rule->action);
    if (swap == nullptr) continue;
    for (const ActState& act : step.acts) {
      KeptCopy copy{id, text_of(act.outputs, "old"), text_of(act.prior, "final_identity"), {}};
      if (copy.path.empty() || copy.identity.empty()) continue;
      if (swap->keep_old) copy.until = step.ended->at + *swap->keep_old;
      copies.push_back(std::move(copy));
    }
  }
  return copies;
}

}  // namespace reprieve::recovery
