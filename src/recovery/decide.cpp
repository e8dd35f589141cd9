#include "recovery/decide.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reprieve::recovery {
namespace {

using plan::OnFail;
using plan::StepClass;

constexpr Duration kFinalChecksTimeout = std::chrono::minutes{15};

bool has_retry_left(const plan::Step& rule, const StepRun& step) {
  return step.generation - step.retry_base <= rule.retry.times;
}

/// Failed for good, so far as the machine is concerned.
bool is_final_failure(const plan::Step& rule, const StepRun& step) {
  return step.state == StepState::kFailed && !has_retry_left(rule, step);
}

bool frees_its_dependants(const plan::Step& rule, const StepRun& step) {
  return step.is_over() || (is_final_failure(rule, step) && rule.on_fail == OnFail::kContinue);
}

bool are_needs_over(const plan::Scenario& scenario, const RunState& state, const plan::Step& rule) {
  return std::ranges::all_of(rule.needs, [&](const plan::Name& need) {
    const plan::Step* const needed = scenario.find_step(need.text);
    return needed != nullptr && frees_its_dependants(*needed, state.step(need.text));
  });
}

/// A destructive step that failed stops the branches beside it too: nobody knows yet what the
/// world looks like.
bool is_halted(const plan::Scenario& scenario, const RunState& state) {
  return state.is_aborted || std::ranges::any_of(scenario.steps, [&](const plan::Step& rule) {
           return rule.step_class == StepClass::kDestructive && rule.on_fail != OnFail::kContinue &&
                  is_final_failure(rule, state.step(rule.id));
         });
}

/// A step that only waits for a person's word (an approval) is not active.
bool is_anything_active(const RunState& state) {
  return std::ranges::any_of(state.steps, [](const auto& entry) {
    return entry.second.is_active() && !entry.second.is_asked;
  });
}

bool does_an_approval_wait(const RunState& state) {
  return std::ranges::any_of(state.steps, [](const auto& entry) {
    return entry.second.is_active() && entry.second.is_asked;
  });
}

std::string question_of_failure(const plan::Step& rule, const StepRun& step) {
  return fmt::format("step {} failed: {}. Try it again, skip it, or roll the run back?", rule.id,
                     step.error);
}

void ask_once(Decisions& decisions, const StepRun& step, std::string_view id, std::string text) {
  decisions.waits_for_person = true;
  if (!step.is_asked)
    decisions.now.push_back(
        {.kind = Decision::Kind::kAsk, .step = std::string{id}, .text = std::move(text)});
}

void decide_final_failure(const plan::Scenario& scenario, const RunState& state,
                          const plan::Step& rule, Decisions& decisions) {
  const StepRun& step = state.step(rule.id);
  if (rule.on_fail == OnFail::kAsk)
    ask_once(decisions, step, rule.id, question_of_failure(rule, step));
  if (rule.on_fail != OnFail::kRollback) return;
  if (rule.may_follow_start || may_have_let_writers_in(scenario, state)) {
    ask_once(decisions, step, rule.id,
             fmt::format("step {} failed: {}. Services may have written since they were started, "
                         "and taking the run back would lose that. Roll back, try again or skip?",
                         rule.id, step.error));
    return;
  }
  decisions.now.push_back({.kind = Decision::Kind::kRollBack,
                           .step = rule.id,
                           .text = fmt::format("step {} failed: {}", rule.id, step.error)});
}

void wake_at(Decisions& decisions, Duration at) {
  decisions.wake_at = decisions.wake_at ? std::min(*decisions.wake_at, at) : at;
}

void decide_step(const plan::Scenario& scenario, const RunState& state, const plan::Step& rule,
                 const Moment& now, Decisions& decisions) {
  const StepRun& step = state.step(rule.id);
  const Decision start{.kind = Decision::Kind::kStart, .step = rule.id, .text = {}};
  switch (step.state) {
    case StepState::kPending:
      if (!is_halted(scenario, state) && are_needs_over(scenario, state, rule))
        decisions.now.push_back(start);
      return;
    case StepState::kFailed: {
      if (!has_retry_left(rule, step)) {
        decide_final_failure(scenario, state, rule, decisions);
        return;
      }
      if (is_halted(scenario, state)) return;
      const Duration waited = step.ended ? elapsed(*step.ended, now) : rule.retry.delay;
      if (waited >= rule.retry.delay)
        decisions.now.push_back(start);
      else
        wake_at(decisions, now.uptime + (rule.retry.delay - waited));
      return;
    }
    case StepState::kUnknown:
      ask_once(decisions, step, rule.id,
               fmt::format("nobody knows whether step {} happened: {}. Look, then say whether it "
                           "did.",
                           rule.id, step.error));
      return;
    default:
      return;
  }
}

/// An approved step is approved no longer once a step that it covers is being made anew.
void decide_void_approvals(const plan::Scenario& scenario, const RunState& state,
                           Decisions& decisions) {
  for (const plan::Step& rule : scenario.steps) {
    const auto* const approve = std::get_if<plan::ApproveStep>(&rule.action);
    if (approve == nullptr) continue;
    const StepRun& step = state.step(rule.id);
    if (step.state != StepState::kDone) continue;
    const bool is_stale = std::ranges::any_of(approve->binds, [&](const plan::Name& bound) {
      return state.step(bound.text).end_order > step.end_order || !state.step(bound.text).is_over();
    });
    if (is_stale)
      decisions.now.push_back({.kind = Decision::Kind::kVoidApproval,
                               .step = rule.id,
                               .text = "a step that it covers was carried out again"});
  }
}

/// Whether anything of the step reached the world, so that an undo has something to do.
bool has_effects(const StepRun& step) {
  const auto happened = [](const ActState& act) {
    return act.phase != ActState::Phase::kPlanned && act.phase != ActState::Phase::kDoneObserved;
  };
  return std::ranges::any_of(step.acts, happened) ||
         std::ranges::any_of(step.earlier_acts, happened);
}

bool is_to_be_undone(const plan::Step& rule, const StepRun& step) {
  const bool has_ended = step.state == StepState::kDone || step.state == StepState::kFailed;
  return has_ended && rule.step_class != StepClass::kRead && rule.step_class != StepClass::kHuman &&
         has_effects(step);
}

Decisions finish(RunOutcome outcome, std::string text) {
  Decisions decisions;
  decisions.now.push_back(
      {.kind = Decision::Kind::kFinish, .step = {}, .text = std::move(text), .outcome = outcome});
  return decisions;
}

/// Newest first; stops at the first step that cannot be taken back.
Decisions decide_rollback(const plan::Scenario& scenario, const RunState& state) {
  if (is_anything_active(state)) return {};
  const plan::Step* newest = nullptr;
  for (const plan::Step& rule : scenario.steps) {
    const StepRun& step = state.step(rule.id);
    if (step.state == StepState::kUndoFailed)
      return finish(RunOutcome::kFailed,
                    fmt::format("step {} could not be taken back: {}", rule.id, step.error));
    if (step.state == StepState::kUnknown) {
      Decisions decisions;
      ask_once(decisions, step, rule.id,
               fmt::format("nobody knows whether step {} happened: {}", rule.id, step.error));
      return decisions;
    }
    if (!is_to_be_undone(rule, step)) continue;
    if (newest == nullptr || step.end_order > state.step(newest->id).end_order) newest = &rule;
  }
  if (newest == nullptr) return finish(RunOutcome::kRolledBack, "taken back");
  if (newest->undo == plan::UndoKind::kNone)
    return finish(RunOutcome::kFailed,
                  fmt::format("taken back as far as step {}, which has no undo", newest->id));
  Decisions decisions;
  decisions.now.push_back({.kind = Decision::Kind::kUndo, .step = newest->id, .text = {}});
  return decisions;
}

Decisions decide_end(const plan::Scenario& scenario, const RunState& state) {
  std::string failed;
  bool are_all_over = true;
  for (const plan::Step& rule : scenario.steps) {
    const StepRun& step = state.step(rule.id);
    if (step.state == StepState::kFailed)
      failed += fmt::format("{}{}: {}", failed.empty() ? "" : "; ", rule.id, step.error);
    if (!frees_its_dependants(rule, step)) are_all_over = false;
  }
  if (are_all_over)
    return finish(RunOutcome::kDone,
                  failed.empty() ? "all steps done" : "done, although these failed: " + failed);
  if (state.is_aborted) return finish(RunOutcome::kFailed, "aborted by a person");
  return finish(RunOutcome::kFailed, failed);
}

}  // namespace

plan::Scenario executed_scenario(const plan::Scenario& scenario) {
  plan::Scenario executed = scenario;
  if (scenario.verify.empty()) return executed;
  plan::Step checks;
  checks.id = std::string{kFinalChecksStep};
  checks.timeout = kFinalChecksTimeout;
  for (const plan::Step& step : scenario.steps)
    checks.needs.push_back({.text = step.id, .at = {}});
  checks.action = plan::CheckStep{.checks = scenario.verify, .against = std::nullopt};
  executed.steps.push_back(std::move(checks));
  return executed;
}

bool may_have_let_writers_in(const plan::Scenario& executed, const RunState& state) {
  return std::ranges::any_of(executed.steps, [&](const plan::Step& rule) {
    return rule.type() == plan::StepType::kStart && has_effects(state.step(rule.id));
  });
}

Decisions decide(const plan::Scenario& executed, const RunState& state, const Moment& now) {
  if (state.outcome) return {};
  if (state.is_rolling_back) return decide_rollback(executed, state);
  if (state.is_aborted)
    return is_anything_active(state) ? Decisions{} : decide_end(executed, state);
  Decisions decisions;
  decide_void_approvals(executed, state, decisions);
  if (!decisions.now.empty()) return decisions;
  for (const plan::Step& rule : executed.steps)
    decide_step(executed, state, rule, now, decisions);
  const auto rollback =
      std::ranges::find(decisions.now, Decision::Kind::kRollBack, &Decision::kind);
  if (rollback != decisions.now.end()) {
    // Nothing may begin beside it.
    Decisions only;
    only.now.push_back(*rollback);
    return only;
  }
  const bool is_busy = is_anything_active(state) || !decisions.now.empty() || decisions.wake_at;
  decisions.waits_for_person = decisions.waits_for_person || does_an_approval_wait(state);
  if (decisions.waits_for_person) decisions.waits_for_person = !is_busy;
  if (is_busy || decisions.waits_for_person) return decisions;
  return decide_end(executed, state);
}

}  // namespace reprieve::recovery
