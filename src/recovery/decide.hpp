#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "plan/model.hpp"
#include "recovery/run_state.hpp"

/// What to do next in a run: a pure function of the scenario, of what the journal says, and of the
/// time. The executor carries it out; a test can ask it anything.
namespace reprieve::recovery {

struct Decision {
  enum class Kind : std::uint8_t {
    kStart,         ///< Begin a generation of the step.
    kAsk,           ///< A person must say what becomes of the step.
    kVoidApproval,  ///< What the step's approval covers is being made anew.
    kRollBack,      ///< The plan wants the run taken back because of this step.
    kUndo,          ///< Take the step back.
    kFinish,        ///< Nothing more can be done: `outcome`.
  };
  Kind kind = Kind::kFinish;
  std::string step;
  std::string text;  ///< The question, or why.
  RunOutcome outcome = RunOutcome::kDone;
};

struct Decisions {
  std::vector<Decision> now;
  /// The monotonic time at which to decide again although nothing happened.
  std::optional<Duration> wake_at;
  /// No step moves, and none will until a person acts.
  bool waits_for_person = false;
};

/// The scenario as it is executed: the plan's steps, and after all of them one step of ours that
/// runs the final checks, if there are any. No id of a plan can have a space in it.
plan::Scenario executed_scenario(const plan::Scenario& scenario);
inline constexpr std::string_view kFinalChecksStep = "final checks";

Decisions decide(const plan::Scenario& executed, const RunState& state, const Moment& now);

/// Whether a step that lets writers in again was begun, so that an undo would lose what they wrote.
bool may_have_let_writers_in(const plan::Scenario& executed, const RunState& state);

}  // namespace reprieve::recovery
