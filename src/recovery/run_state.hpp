#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "recovery/act.hpp"
#include "recovery/record.hpp"

/// What a journal says about its run. Pure: the same records give the same state, so a resumed
/// orchestrator knows exactly what the one before it knew.
namespace reprieve::recovery {

enum class StepState : std::uint8_t {
  kPending,       ///< Not begun, or to be begun again.
  kRunning,       ///< An act is under way or about to be.
  kDone,          ///< Applied and verified.
  kDoneObserved,  ///< Nothing had to be applied: what it wants was so already.
  kSkipped,       ///< Left out, by its condition or by a person.
  kFailed,        ///< This generation failed.
  kUnknown,       ///< Whether an act happened cannot be found out; a person must say.
  kUndoing,       ///< Being taken back.
  kUndone,        ///< Taken back.
  kUndoFailed,    ///< Could not be taken back.
};

/// Where an act stands.
struct ActState {
  enum class Phase : std::uint8_t {
    kPlanned,
    kIntended,  ///< The intent is in the journal: it may have happened.
    kDone,
    kDoneObserved,
    kFailed,
    kUnknown,
  };
  Act act;
  Phase phase = Phase::kPlanned;
  std::uint32_t tries = 0;  ///< Intents so far.
  Json prior = Json::object();
  Json outputs = Json::object();
  std::string error;
  std::optional<Instant> began;
  std::optional<Instant> ended;

  [[nodiscard]] bool is_over() const {
    return phase == Phase::kDone || phase == Phase::kDoneObserved;
  }
};

/// A moment by both clocks.
struct Moment {
  Instant at;
  Duration uptime{};
  std::string boot_id;
};

/// One time that a step was waited for by people.
struct HumanWait {
  Moment began;
  std::optional<Moment> ended;
  std::string question;
};

struct StepRun {
  StepState state = StepState::kPending;
  std::uint32_t generation = 0;       ///< Of the last begun try; 0: none has begun.
  std::uint32_t undo_generation = 0;  ///< How often it was begun to take it back.
  std::uint32_t retry_base = 0;       ///< Generations before a person asked for a new try.
  std::vector<ActState> acts;         ///< Of the last generation.
  std::vector<ActState> undo_acts;    ///< Once it is being taken back.
  Json outputs = Json::object();
  std::string error;
  std::string skipped_by;       ///< A person's name; "condition" if the plan said so.
  std::optional<Moment> began;  ///< Of the first generation.
  std::optional<Moment> generation_began;
  std::optional<Moment> ended;  ///< Of the last generation.
  std::size_t end_order = 0;    ///< The higher, the later it ended. 0: has not ended.
  bool is_asked = false;        ///< A person was asked about it and has not answered.
  std::vector<HumanWait> waits;
  std::vector<ActState> earlier_acts;  ///< Of failed generations, for the report.

  [[nodiscard]] bool is_over() const {
    return state == StepState::kDone || state == StepState::kDoneObserved ||
           state == StepState::kSkipped;
  }
  [[nodiscard]] bool is_active() const {
    return state == StepState::kRunning || state == StepState::kUndoing;
  }
};

/// A signed statement that was found good when it came.
struct Approval {
  std::string step;
  std::string person;
  std::string binding;  ///< Hash of what it approves.
  bool is_approved = true;
  std::string reason;
  Instant at;
};

struct Note {
  Instant at;
  std::string who;
  std::string text;
};

enum class RunOutcome : std::uint8_t { kDone, kFailed, kRolledBack };

struct RunState {
  std::string id;
  std::string scenario;
  std::string plan_name;
  std::string plan_hash;
  std::string requester;
  std::string world;  ///< "real" or "drill".
  std::string reason;
  std::string host;
  std::string version;
  std::map<std::string, std::string> params;
  std::string plan_dir;
  std::optional<Moment> started;
  std::optional<Instant> disaster_at;  ///< Injected or known start.
  std::optional<Instant> first_failed_check;
  std::string first_failed_check_name;
  std::map<std::string, StepRun> steps;  ///< Those that a record named.
  std::vector<Approval> approvals;
  std::vector<Note> notes;
  std::set<std::string> inbox_taken;  ///< Names of messages that the journal already holds.
  bool is_aborted = false;            ///< A person wants no further step to begin.
  bool is_rolling_back = false;
  std::optional<RunOutcome> outcome;
  std::string outcome_text;
  std::optional<Moment> finished;
  std::uint32_t resumes = 0;
  std::size_t records = 0;
  std::size_t ends = 0;  ///< Counter behind StepRun::end_order.

  [[nodiscard]] const StepRun& step(std::string_view id) const;
};

/// Adds what one record says. Errors: kCorrupt if it cannot follow the state.
Result<> fold(RunState& state, const Record& record);
Result<RunState> fold_all(std::span<const Record> records);

std::string_view name_of(StepState state);
std::string_view name_of(ActState::Phase phase);
std::string_view name_of(RunOutcome outcome);

/// "BOOT-independent" distance: by the monotonic clock within one boot, else by the wall clock.
Duration elapsed(const Moment& from, const Moment& to);

}  // namespace reprieve::recovery
