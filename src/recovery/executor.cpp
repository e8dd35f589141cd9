#include "recovery/executor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/format.hpp"
#include "crypto/crypto.hpp"
#include "recovery/approval.hpp"
#include "recovery/step_plan.hpp"
#include "recovery/values.hpp"

namespace reprieve::recovery {
namespace {

constexpr Duration kPollInterval = std::chrono::milliseconds{20};
constexpr Duration kPersonPollInterval = std::chrono::milliseconds{250};
constexpr Duration kReportInterval = std::chrono::milliseconds{250};
/// After its time is up, how long a child may take to be gone.
constexpr Duration kStopGrace = std::chrono::seconds{30};

const std::vector<ActState>& acts_of_step(const StepRun& step, bool is_undo) {
  return is_undo ? step.undo_acts : step.acts;
}

void merge_into(Json& outputs, const std::string& name, const Json& value) {
  const auto it = outputs.find(name);
  if (it == outputs.end()) {
    outputs[name] = value;
  } else if (it->is_array() && value.is_array()) {
    for (const Json& item : value)
      it->push_back(item);
  } else if (it->is_number_integer() && value.is_number_integer() && name != "exit") {
    *it = it->get<std::int64_t>() + value.get<std::int64_t>();
  }
}

}  // namespace

Json merged_outputs(const StepRun& step) {
  Json outputs = step.outputs;
  for (const ActState& act : step.acts)
    for (const auto& [name, value] : act.outputs.items())
      merge_into(outputs, name, value);
  return outputs;
}

Executor::Executor(const Context& context, plan::Scenario executed, RunState state,
                   Journal& journal, Inbox& inbox)
    : context_{context},
      scenario_{std::move(executed)},
      state_{std::move(state)},
      journal_{journal},
      inbox_{inbox} {}

Executor::~Executor() = default;

Result<Executor::End> Executor::run(const Options& options) {
  while (true) {
    REPRIEVE_RETURN_IF_ERROR(take_inbox());
    const Decisions decisions = decide(scenario_, state_, now());
    for (const Decision& decision : decisions.now)
      REPRIEVE_RETURN_IF_ERROR(carry_out(decision));
    if (state_.outcome) return End::kFinished;
    bool has_moved = !decisions.now.empty();
    for (const plan::Step& step : scenario_.steps) {
      REPRIEVE_TRY(const bool moved, advance(step));
      has_moved = has_moved || moved;
    }
    if (has_moved) continue;
    if (options.cancel != nullptr && options.cancel->is_requested()) return End::kStopped;
    if (decisions.waits_for_person && !options.waits_for_people) return End::kWaitsForPerson;
    context_.clock.sleep_for(decisions.waits_for_person ? kPersonPollInterval : kPollInterval);
  }
}

Moment Executor::now() const {
  return {
      .at = context_.clock.now(), .uptime = context_.clock.uptime(), .boot_id = context_.boot_id};
}

Result<> Executor::commit(RecordKind kind, Json body) {
  REPRIEVE_TRY(const Record record, journal_.append(kind, std::move(body)));
  REPRIEVE_RETURN_IF_ERROR(fold(state_, record));
  context_.listener.on_record(state_, record);
  return kOk;
}

Result<> Executor::carry_out(const Decision& decision) {
  const plan::Step* const step = scenario_.find_step(decision.step);
  switch (decision.kind) {
    case Decision::Kind::kStart:
      return start_step(*step);
    case Decision::Kind::kUndo:
      return start_undo(*step);
    case Decision::Kind::kAsk:
      return commit(RecordKind::kAsked, {{"step", decision.step}, {"question", decision.text}});
    case Decision::Kind::kVoidApproval:
      return commit(RecordKind::kApprovalVoid, {{"step", decision.step}, {"why", decision.text}});
    case Decision::Kind::kRollBack:
      return commit(RecordKind::kAnswer, {{"step", decision.step},
                                          {"answer", "rollback"},
                                          {"who", "the plan"},
                                          {"reason", decision.text}});
    case Decision::Kind::kFinish:
      return commit(RecordKind::kRunFinished,
                    {{"outcome", name_of(decision.outcome)}, {"text", decision.text}});
  }
  return kOk;
}

Result<> Executor::start_step(const plan::Step& step) {
  if (step.when) {
    const auto holds = plan::evaluate(*step.when, lookup_in(state_));
    if (!holds) return fail_before_start(step.id, holds.error());
    if (!*holds)
      return commit(
          RecordKind::kStepSkipped,
          {{"step", step.id}, {"who", "condition"}, {"reason", "not so: " + step.when->text()}});
  }
  auto planned = plan_step(context_, state_, step, Foresight::kNow);
  if (!planned) return fail_before_start(step.id, planned.error());
  return commit(RecordKind::kStepStarted, {{"step", step.id},
                                           {"type", plan::name_of(step.type())},
                                           {"acts", to_json(planned->acts)},
                                           {"values", planned->values}});
}

Result<> Executor::fail_before_start(const std::string& step, const Error& error) {
  const std::string text = error.hint.empty() ? error.what : error.what + ". " + error.hint;
  REPRIEVE_RETURN_IF_ERROR(
      commit(RecordKind::kStepStarted, {{"step", step}, {"acts", Json::array()}}));
  return commit(RecordKind::kStepEnded, {{"step", step}, {"state", "failed"}, {"error", text}});
}

Result<> Executor::start_undo(const plan::Step& step) {
  auto acts = plan_undo(context_, state_, step);
  if (!acts)
    return commit(RecordKind::kUndone,
                  {{"step", step.id}, {"failed", true}, {"error", acts.error().what}});
  return commit(RecordKind::kUndoStarted, {{"step", step.id}, {"acts", to_json(*acts)}});
}

Result<bool> Executor::advance(const plan::Step& step) {
  const StepRun& run = state_.step(step.id);
  if (!run.is_active()) {
    live_.erase(step.id);
    return false;
  }
  const bool is_undo = run.state == StepState::kUndoing;
  // A run that is being taken back has no more use for an approval.
  if (state_.is_rolling_back && !is_undo && run.is_asked) return false;
  const auto& acts = acts_of_step(run, is_undo);
  const auto next = std::ranges::find_if_not(acts, &ActState::is_over);
  if (next == acts.end()) {
    live_.erase(step.id);
    REPRIEVE_RETURN_IF_ERROR(end_step(step, is_undo));
    return true;
  }
  const auto index = static_cast<std::size_t>(next - acts.begin());
  const bool has_failed = next->phase == ActState::Phase::kFailed ||
                          (is_undo && next->phase == ActState::Phase::kUnknown);
  if (has_failed) {
    // The process before this one journaled the outcome, but not what it means for the step.
    REPRIEVE_RETURN_IF_ERROR(fail_step(step, is_undo, next->error));
    return true;
  }
  Live& live = live_[step.id];
  if (live.run == nullptr || live.act != index || live.is_undo != is_undo) {
    live = Live{};
    live.act = index;
    live.is_undo = is_undo;
    live.began = live.progressed_at = context_.clock.uptime();
    REPRIEVE_TRY(live.run, make_act_run(context_, state_, step, next->act));
  }
  return advance_act(step, live);
}

Result<bool> Executor::advance_act(const plan::Step& step, Live& live) {
  if (!live.is_applied) {
    const bool is_resumed = act_of_live(step.id, live).phase == ActState::Phase::kIntended;
    REPRIEVE_RETURN_IF_ERROR(is_resumed ? resume_act(step, live) : begin_act(step, live));
    return true;
  }
  enforce_limits(step, live);
  auto polled = live.run->poll();
  ActStatus status = polled ? *std::move(polled) : failed_with(polled.error().what);
  if (!live.stop_reason.empty()) status = judge_stopped(step, live, std::move(status));
  switch (status.kind) {
    case ActStatus::Kind::kDone:
      REPRIEVE_RETURN_IF_ERROR(end_act(step, live, ActState::Phase::kDone, status));
      return true;
    case ActStatus::Kind::kFailed:
      REPRIEVE_RETURN_IF_ERROR(end_act(step, live, ActState::Phase::kFailed, status));
      return true;
    case ActStatus::Kind::kUnknown:
      REPRIEVE_RETURN_IF_ERROR(end_act(step, live, ActState::Phase::kUnknown, status));
      return true;
    case ActStatus::Kind::kNotApplied:
      REPRIEVE_RETURN_IF_ERROR(apply_act(step, live, act_of_live(step.id, live).prior));
      return true;
    case ActStatus::Kind::kUnderWay:
      break;
  }
  if (context_.clock.uptime() - reported_at_ >= kReportInterval) {
    reported_at_ = context_.clock.uptime();
    context_.listener.on_progress(state_, step.id, act_of_live(step.id, live).act.title,
                                  live.run->last_line());
  }
  return false;
}

Result<> Executor::begin_act(const plan::Step& step, Live& live) {
  const auto probe = live.run->probe();
  if (!probe) {
    const ActStatus failed = failed_with("look before acting: " + probe.error().what);
    return end_act(step, live, ActState::Phase::kFailed, failed);
  }
  if (probe->is_satisfied)
    return end_act(step, live, ActState::Phase::kDoneObserved, done_with(probe->outputs));
  return apply_act(step, live, probe->prior);
}

Result<> Executor::apply_act(const plan::Step& step, Live& live, const Json& prior) {
  const ActState& act = act_of_live(step.id, live);
  const ActTry attempt = try_of(step.id, live, act.tries + 1);
  if (act.act.kind == ActKind::kApprove && !state_.step(step.id).is_asked)
    REPRIEVE_RETURN_IF_ERROR(commit(
        RecordKind::kAsked, {{"step", step.id}, {"question", text_of(act.act.args, "text")}}));
  // Durable before the effect: what is not in the journal does not happen.
  REPRIEVE_RETURN_IF_ERROR(commit(RecordKind::kIntent, {{"step", step.id},
                                                        {"undo", live.is_undo},
                                                        {"act", live.act},
                                                        {"call", act.act.call},
                                                        {"key", attempt.idempotency_key},
                                                        {"child", attempt.key.path},
                                                        {"prior", prior}}));
  live.is_applied = true;
  const auto applied = live.run->apply(attempt);
  if (applied) return kOk;
  const Error& error = applied.error();
  return end_act(step, live, ActState::Phase::kFailed,
                 failed_with(error.hint.empty() ? error.what : error.what + ". " + error.hint));
}

Result<> Executor::resume_act(const plan::Step& step, Live& live) {
  const ActState& act = act_of_live(step.id, live);
  const auto recovered = live.run->recover(try_of(step.id, live, act.tries), act.prior);
  if (!recovered)
    return end_act(step, live, ActState::Phase::kFailed, failed_with(recovered.error().what));
  switch (recovered->kind) {
    case ActStatus::Kind::kUnderWay:
      live.is_applied = true;
      return kOk;
    case ActStatus::Kind::kDone:
      return end_act(step, live, ActState::Phase::kDone, *recovered);
    case ActStatus::Kind::kFailed:
      return end_act(step, live, ActState::Phase::kFailed, *recovered);
    case ActStatus::Kind::kUnknown:
      return end_act(step, live, ActState::Phase::kUnknown, *recovered);
    case ActStatus::Kind::kNotApplied:
      return apply_act(step, live, act.prior);
  }
  return kOk;
}

Result<> Executor::end_act(const plan::Step& step, const Live& live, ActState::Phase phase,
                           const ActStatus& status) {
  const bool is_undo = live.is_undo;
  Json outcome{{"step", step.id},          {"undo", is_undo},           {"act", live.act},
               {"result", name_of(phase)}, {"outputs", status.outputs}, {"error", status.error}};
  if (status.is_worth_another_try) outcome["again"] = true;
  live_.erase(step.id);
  REPRIEVE_RETURN_IF_ERROR(commit(RecordKind::kOutcome, std::move(outcome)));
  const bool has_failed =
      phase == ActState::Phase::kFailed || (is_undo && phase == ActState::Phase::kUnknown);
  if (!has_failed) return kOk;
  return fail_step(step, is_undo, status.error);
}

Result<> Executor::fail_step(const plan::Step& step, bool is_undo, const std::string& error) {
  if (is_undo)
    return commit(RecordKind::kUndone, {{"step", step.id}, {"failed", true}, {"error", error}});
  return commit(RecordKind::kStepEnded, {{"step", step.id},
                                         {"state", "failed"},
                                         {"error", error},
                                         {"outputs", merged_outputs(state_.step(step.id))}});
}

Result<> Executor::end_step(const plan::Step& step, bool is_undo) {
  if (is_undo) return commit(RecordKind::kUndone, {{"step", step.id}});
  const StepRun& run = state_.step(step.id);
  const bool is_observed =
      !run.acts.empty() && std::ranges::all_of(run.acts, [](const ActState& act) {
        return act.phase == ActState::Phase::kDoneObserved;
      });
  return commit(RecordKind::kStepEnded,
                {{"step", step.id},
                 {"state", name_of(is_observed ? StepState::kDoneObserved : StepState::kDone)},
                 {"outputs", merged_outputs(run)}});
}

void Executor::enforce_limits(const plan::Step& step, Live& live) {
  if (!live.stop_reason.empty()) return;
  const StepRun& run = state_.step(step.id);
  const Duration uptime = context_.clock.uptime();
  const Duration spent = live.is_undo || !run.generation_began
                             ? uptime - live.began
                             : elapsed(*run.generation_began, now());
  if (const std::uint64_t progress = live.run->progress(); progress != live.progress) {
    live.progress = progress;
    live.progressed_at = uptime;
  }
  const bool is_child = act_of_live(step.id, live).act.kind == ActKind::kCommand;
  if (spent > step.timeout)
    live.stop_reason = "timed out after " + format_duration(step.timeout);
  else if (is_child && step.stall && uptime - live.progressed_at > *step.stall)
    live.stop_reason = "no output for " + format_duration(*step.stall);
  if (live.stop_reason.empty()) return;
  live.stopped_at = uptime;
  ignore_error(live.run->stop(), "the limit counts even if the signal could not be sent");
}

ActStatus Executor::judge_stopped(const plan::Step& step, Live& live, ActStatus status) {
  const ActKind kind = act_of_live(step.id, live).act.kind;
  if (kind == ActKind::kApprove) return status;
  const bool may_linger = kind == ActKind::kCommand || kind == ActKind::kServiceStart;
  const bool is_late = context_.clock.uptime() - live.stopped_at > kStopGrace;
  if (status.kind == ActStatus::Kind::kUnderWay && may_linger && !is_late) return status;
  const std::string line = live.run->last_line();
  status.kind = ActStatus::Kind::kFailed;
  status.error = line.empty() ? live.stop_reason : live.stop_reason + ": " + line;
  return status;
}

ActState& Executor::act_of_live(const std::string& step, const Live& live) {
  StepRun& run = state_.steps[step];
  auto& acts = live.is_undo ? run.undo_acts : run.acts;
  REPRIEVE_ASSERT(live.act < acts.size());
  return acts[live.act];
}

ActTry Executor::try_of(const std::string& step, const Live& live, std::uint32_t number) const {
  const StepRun& run = state_.step(step);
  const std::string undo = live.is_undo ? fmt::format(".undo{}", run.undo_generation) : "";
  const std::string act = fmt::format("{}.{}{}.{}", step, run.generation, undo, live.act);
  constexpr std::size_t kKeyDigits = 32;
  return {.key = {.path = fmt::format("runs/{}/steps/{}.{}", state_.id, act, number)},
          .idempotency_key =
              to_hex(crypto::sha256(as_bytes(state_.id + "\n" + act))).substr(0, kKeyDigits)};
}

// ---- The words of persons.

Result<> Executor::take_inbox() {
  REPRIEVE_TRY(const auto messages, inbox_.read());
  for (const Inbox::Message& message : messages)
    if (!state_.inbox_taken.contains(message.name)) REPRIEVE_RETURN_IF_ERROR(take_message(message));
  return kOk;
}

Result<> Executor::take_message(const Inbox::Message& message) {
  const std::string type = text_of(message.body, "type");
  if (type == "approval") return take_approval(message);
  if (type == "answer") return take_answer(message);
  if (type == "note")
    return note(message.name, text_of(message.body, "who"), text_of(message.body, "text"));
  return note(message.name, "reprieve", "a message of an unknown type was put aside");
}

Result<> Executor::note(const std::string& inbox_name, const std::string& who,
                        const std::string& text) {
  return commit(RecordKind::kNote, {{"inbox", inbox_name}, {"who", who}, {"text", text}});
}

Result<> Executor::take_answer(const Inbox::Message& message) {
  const std::string answer = text_of(message.body, "answer");
  const std::string id = text_of(message.body, "step");
  const StepState step = state_.step(id).state;
  const bool is_about_unknown = answer == "did-happen" || answer == "did-not-happen";
  const bool is_about_failed = answer == "retry" || answer == "skip";
  const bool fits = answer == "abort" || answer == "rollback" ||
                    (is_about_unknown && step == StepState::kUnknown) ||
                    (is_about_failed && step == StepState::kFailed);
  if (!fits)
    return note(message.name, "reprieve",
                fmt::format("the answer {} by {} to step {} was put aside: the step is {}", answer,
                            text_of(message.body, "who"), id, name_of(step)));
  return commit(RecordKind::kAnswer, {{"inbox", message.name},
                                      {"step", id},
                                      {"answer", answer},
                                      {"who", text_of(message.body, "who")},
                                      {"reason", text_of(message.body, "reason")}});
}

Result<> Executor::take_approval(const Inbox::Message& message) {
  const auto approval = parse_approval(message.body);
  if (!approval) return note(message.name, "reprieve", approval.error().what);
  const ApprovalStatement& statement = approval->statement;
  const StepRun& step = state_.step(statement.step);
  const bool does_wait = step.state == StepState::kRunning && step.acts.size() == 1 &&
                         step.acts.front().act.kind == ActKind::kApprove;
  if (!does_wait)
    return note(message.name, "reprieve",
                fmt::format("an approval by {} was put aside: step {} does not wait for one",
                            statement.person, statement.step));
  if (const auto admitted =
          admit_approval(context_.plan, state_, step.acts.front().act.args, *approval);
      !admitted)
    return note(message.name, "reprieve",
                fmt::format("an approval was refused: {}", admitted.error().what));
  Json body = to_json(*approval);
  body["inbox"] = message.name;
  return commit(RecordKind::kApproval, std::move(body));
}

}  // namespace reprieve::recovery
