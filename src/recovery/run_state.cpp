#include "recovery/run_state.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace reprieve::recovery {
namespace {

constexpr std::array<std::string_view, 10> kStepStates = {
    "pending", "running", "done",    "done-observed", "skipped",
    "failed",  "unknown", "undoing", "undone",        "undo-failed"};
constexpr std::array<std::string_view, 6> kPhases = {"planned",       "intended", "done",
                                                     "done-observed", "failed",   "unknown"};
constexpr std::array<std::string_view, 3> kOutcomes = {"done", "failed", "rolled-back"};

template <class Enum, std::size_t N>
std::optional<Enum> value_of(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i)
    if (names.at(i) == name) return static_cast<Enum>(i);
  return std::nullopt;
}

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt, std::move(what)};
}

Moment moment_of(const Record& record) {
  return Moment{.at = record.at, .uptime = record.uptime, .boot_id = record.boot_id};
}

void end_waits(StepRun& step, const Record& record) {
  step.is_asked = false;
  for (HumanWait& wait : step.waits)
    if (!wait.ended) wait.ended = moment_of(record);
}

Result<> fold_run_started(RunState& state, const Record& record) {
  const Json& body = record.body;
  state.id = text_of(body, "run");
  state.scenario = text_of(body, "scenario");
  state.plan_name = text_of(body, "plan_name");
  state.plan_hash = text_of(body, "plan_sha256");
  state.requester = text_of(body, "who");
  state.world = text_of(body, "world");
  state.reason = text_of(body, "reason");
  state.host = text_of(body, "host");
  state.version = text_of(body, "version");
  state.plan_dir = text_of(body, "plan_dir");
  state.started = moment_of(record);
  state.disaster_at = time_of(body, "disaster_at");
  state.first_failed_check = time_of(body, "first_failed_check_at");
  state.first_failed_check_name = text_of(body, "first_failed_check");
  const Json params = object_of(body, "params");  // Named: items() of a temporary would dangle.
  for (const auto& [name, value] : params.items())
    if (value.is_string()) state.params[name] = value.get<std::string>();
  return kOk;
}

Result<std::vector<ActState>> planned(const Json& acts) {
  REPRIEVE_TRY(auto list, acts_of(acts));
  std::vector<ActState> states;
  for (Act& act : list)
    states.emplace_back().act = std::move(act);
  return states;
}

Json member(const Json& body, std::string_view name) {
  const auto it = body.find(name);
  return it == body.end() ? Json{} : *it;
}

Result<> fold_step_started(StepRun& step, const Record& record) {
  REPRIEVE_TRY(auto acts, planned(member(record.body, "acts")));
  std::ranges::move(step.acts, std::back_inserter(step.earlier_acts));
  step.acts = std::move(acts);
  step.state = StepState::kRunning;
  ++step.generation;
  step.outputs = object_of(record.body, "values");
  step.error.clear();
  step.generation_began = moment_of(record);
  if (!step.began) step.began = step.generation_began;
  step.ended.reset();
  step.end_order = 0;
  return kOk;
}

Result<ActState*> act_named(StepRun& step, const Json& body) {
  auto& acts = flag_of(body, "undo") ? step.undo_acts : step.acts;
  const auto index = static_cast<std::size_t>(integer_of(body, "act"));
  if (index >= acts.size()) return corrupt("a journal record names an act that its step lacks");
  return &acts[index];
}

Result<> fold_intent(StepRun& step, const Record& record) {
  REPRIEVE_TRY(ActState* const act, act_named(step, record.body));
  act->phase = ActState::Phase::kIntended;
  ++act->tries;
  act->prior = object_of(record.body, "prior");
  if (!act->began) act->began = record.at;
  return kOk;
}

Result<> fold_outcome(StepRun& step, const Record& record) {
  REPRIEVE_TRY(ActState* const act, act_named(step, record.body));
  const auto phase = value_of<ActState::Phase>(kPhases, text_of(record.body, "result"));
  if (!phase) return corrupt("a journal record has an outcome of an unknown kind");
  act->phase = *phase;
  act->outputs = object_of(record.body, "outputs");
  act->error = text_of(record.body, "error");
  act->ended = record.at;
  if (!act->began) act->began = record.at;
  // A try that was cut off by no fault of its own does not use up one of the plan's.
  if (flag_of(record.body, "again")) ++step.retry_base;
  if (*phase == ActState::Phase::kUnknown && !flag_of(record.body, "undo"))
    step.state = StepState::kUnknown;
  return kOk;
}

Result<> fold_step_ended(RunState& state, StepRun& step, const Record& record) {
  const auto ended = value_of<StepState>(kStepStates, text_of(record.body, "state"));
  if (!ended) return corrupt("a journal record has a step state of an unknown kind");
  step.state = *ended;
  if (const Json outputs = object_of(record.body, "outputs"); !outputs.empty())
    step.outputs = outputs;
  step.error = text_of(record.body, "error");
  step.ended = moment_of(record);
  step.end_order = ++state.ends;
  end_waits(step, record);
  return kOk;
}

void retry_from_the_start(StepRun& step) {
  step.state = StepState::kPending;
  step.retry_base = step.generation;
  step.error.clear();
}

/// The person's word on an act whose outcome nobody knows.
void settle_unknown(StepRun& step, bool did_happen) {
  auto& acts = step.undo_acts.empty() ? step.acts : step.undo_acts;
  for (ActState& act : acts) {
    if (act.phase != ActState::Phase::kUnknown) continue;
    act.phase = did_happen ? ActState::Phase::kDone : ActState::Phase::kPlanned;
  }
  step.state = step.undo_acts.empty() ? StepState::kRunning : StepState::kUndoing;
}

Result<> fold_answer(RunState& state, const Record& record) {
  const std::string answer = text_of(record.body, "answer");
  if (answer == "abort") {
    state.is_aborted = true;
    return kOk;
  }
  if (answer == "rollback") {
    state.is_rolling_back = true;
    return kOk;
  }
  StepRun& step = state.steps[text_of(record.body, "step")];
  end_waits(step, record);
  if (answer == "did-happen" || answer == "did-not-happen") {
    settle_unknown(step, answer == "did-happen");
  } else if (answer == "retry") {
    retry_from_the_start(step);
  } else if (answer == "skip") {
    step.state = StepState::kSkipped;
    step.skipped_by = text_of(record.body, "who");
    step.error = text_of(record.body, "reason");
    step.ended = moment_of(record);
    step.end_order = ++state.ends;
  } else {
    return corrupt("a journal record has an answer of an unknown kind");
  }
  return kOk;
}

void fold_resumed(RunState& state) {
  ++state.resumes;
  if (!state.outcome) return;
  // A run that had ended is taken up on purpose: what failed is to be tried again.
  state.outcome.reset();
  state.outcome_text.clear();
  state.finished.reset();
  state.is_aborted = false;
  for (auto& [id, step] : state.steps) {
    // What could not be taken back is tried again too; its acts look before they do anything.
    if (step.state == StepState::kUndoFailed) step.state = StepState::kDone;
    if (step.state == StepState::kFailed && !state.is_rolling_back) retry_from_the_start(step);
  }
}

Result<> fold_approval_void(RunState& state, StepRun& step, const Record& record) {
  std::erase_if(state.approvals, [&](const Approval& approval) {
    return approval.step == text_of(record.body, "step");
  });
  if (step.is_over()) retry_from_the_start(step);
  return kOk;
}

Result<> fold_step_record(RunState& state, const Record& record) {
  StepRun& step = state.steps[text_of(record.body, "step")];
  switch (record.kind) {
    case RecordKind::kStepStarted:
      return fold_step_started(step, record);
    case RecordKind::kIntent:
      return fold_intent(step, record);
    case RecordKind::kOutcome:
      return fold_outcome(step, record);
    case RecordKind::kStepEnded:
      return fold_step_ended(state, step, record);
    case RecordKind::kStepSkipped:
      step.state = StepState::kSkipped;
      step.skipped_by = text_of(record.body, "who");
      step.error = text_of(record.body, "reason");
      step.began = step.ended = moment_of(record);
      step.end_order = ++state.ends;
      return kOk;
    case RecordKind::kAsked:
      step.is_asked = true;
      step.waits.push_back(
          {.began = moment_of(record), .ended = {}, .question = text_of(record.body, "question")});
      return kOk;
    case RecordKind::kApprovalVoid:
      return fold_approval_void(state, step, record);
    case RecordKind::kUndoStarted: {
      REPRIEVE_TRY(step.undo_acts, planned(member(record.body, "acts")));
      step.state = StepState::kUndoing;
      ++step.undo_generation;
      return kOk;
    }
    case RecordKind::kUndone: {
      const bool failed = flag_of(record.body, "failed");
      step.state = failed ? StepState::kUndoFailed : StepState::kUndone;
      step.error = text_of(record.body, "error");
      return kOk;
    }
    default:
      return corrupt("a journal record is of no step");
  }
}

}  // namespace

const StepRun& RunState::step(std::string_view step_id) const {
  static const StepRun kNone;
  const auto it = steps.find(std::string{step_id});
  return it == steps.end() ? kNone : it->second;
}

Result<> fold(RunState& state, const Record& record) {
  if ((state.records == 0) != (record.kind == RecordKind::kRunStarted))
    return corrupt("a journal does not begin with the start of its run");
  ++state.records;
  if (const std::string name = text_of(record.body, "inbox"); !name.empty())
    state.inbox_taken.insert(name);
  const Json& body = record.body;
  switch (record.kind) {
    case RecordKind::kRunStarted:
      return fold_run_started(state, record);
    case RecordKind::kResumed:
      fold_resumed(state);
      return kOk;
    case RecordKind::kAnswer:
      return fold_answer(state, record);
    case RecordKind::kApproval:
      state.approvals.push_back({.step = text_of(body, "step"),
                                 .person = text_of(body, "person"),
                                 .binding = text_of(body, "binding"),
                                 .is_approved = flag_of(body, "approved"),
                                 .reason = text_of(body, "reason"),
                                 .at = record.at});
      return kOk;
    case RecordKind::kNote:
      state.notes.push_back(
          {.at = record.at, .who = text_of(body, "who"), .text = text_of(body, "text")});
      return kOk;
    case RecordKind::kRunFinished: {
      state.outcome = value_of<RunOutcome>(kOutcomes, text_of(body, "outcome"));
      if (!state.outcome) return corrupt("a journal ends in an unknown outcome");
      state.outcome_text = text_of(body, "text");
      state.finished = moment_of(record);
      return kOk;
    }
    default:
      return fold_step_record(state, record);
  }
}

Result<RunState> fold_all(std::span<const Record> records) {
  RunState state;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (auto folded = fold(state, records[i]); !folded)
      return std::move(folded).error().at("journal record " + std::to_string(i + 1));
  return state;
}

std::string_view name_of(StepState state) {
  return kStepStates.at(static_cast<std::size_t>(state));
}
std::string_view name_of(ActState::Phase phase) {
  return kPhases.at(static_cast<std::size_t>(phase));
}
std::string_view name_of(RunOutcome outcome) {
  return kOutcomes.at(static_cast<std::size_t>(outcome));
}

Duration elapsed(const Moment& from, const Moment& to) {
  const bool same_boot = from.boot_id == to.boot_id;
  const Duration d = same_boot ? to.uptime - from.uptime : to.at - from.at;
  return std::max(d, Duration{});
}

}  // namespace reprieve::recovery
