#include "recovery/recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crypto/crypto.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "io/lock.hpp"
#include "plan/canonical.hpp"
#include "plan/nearest.hpp"
#include "plan/parse.hpp"
#include "recovery/approval.hpp"
#include "recovery/check.hpp"
#include "recovery/run_folder.hpp"

namespace reprieve::recovery {
namespace {

constexpr ByteCount kPlanTextMax{16UL << 20U};
constexpr ByteCount kWitnessMax{256UL << 20U};
constexpr int kExitWaiting = 4;
constexpr int kExitStopped = 130;
/// A check that has been failing for longer is a known ill, not the beginning of this disaster.
constexpr Duration kFailureAgeMax = std::chrono::hours{24};

std::string hash_of(const plan::Plan& plan) {
  return to_hex(crypto::sha256(as_bytes(plan::canonical_text(plan))));
}

Result<const plan::Scenario*> scenario_of(const plan::Plan& plan, const std::string& name) {
  const plan::Scenario* const scenario = plan.find_scenario(name);
  if (scenario != nullptr) return scenario;
  return Error{ErrorKind::kNotFound, fmt::format("the plan has no scenario {}", name),
               plan::suggestion(name, plan::names_of(plan.scenarios))};
}

Result<std::map<std::string, std::string>> resolve_params(
    const plan::Scenario& scenario, const std::map<std::string, std::string>& given) {
  std::map<std::string, std::string> params;
  for (const auto& [name, value] : given) {
    const plan::Param* const param = scenario.find_param(name);
    if (param == nullptr)
      return Error{ErrorKind::kInvalid,
                   fmt::format("scenario {} has no parameter {}", scenario.name, name),
                   plan::suggestion(name, plan::names_of(scenario.params))};
    REPRIEVE_RETURN_IF_ERROR(plan::check_param_value(*param, value));
    params[name] = value;
  }
  for (const plan::Param& param : scenario.params) {
    if (params.contains(param.name)) continue;
    if (!param.default_value)
      return Error{
          ErrorKind::kInvalid,
          fmt::format("parameter {} of scenario {} has no value", param.name, scenario.name),
          fmt::format("Give it with --set {}=VALUE.", param.name)};
    params[param.name] = *param.default_value;
  }
  return params;
}

/// A recovery point that was asked for must be there before anything is stopped for its sake. What
/// only cannot be asked now, as from a store that is away, is asked again by the step that needs
/// it.
Result<> check_given_points(const Context& context, const plan::Scenario& scenario,
                            const std::map<std::string, std::string>& given) {
  for (const auto& [name, value] : given) {
    const plan::Param* const param = scenario.find_param(name);
    if (param == nullptr || param->type != plan::ParamType::kRecoveryPoint || !param->of) continue;
    const auto point = context.points.resolve({.source = param->of->text, .point = value});
    if (point) continue;
    const ErrorKind kind = point.error().kind;
    if (kind == ErrorKind::kNotFound || kind == ErrorKind::kInvalid)
      return Error{point.error()}.at(param->of->text);
  }
  return kOk;
}

Result<Json> first_record(const Context& context, const RunRequest& request,
                          const std::string& id) {
  REPRIEVE_TRY(const plan::Scenario* const scenario, scenario_of(context.plan, request.scenario));
  REPRIEVE_TRY(const auto params, resolve_params(*scenario, request.params));
  REPRIEVE_RETURN_IF_ERROR(check_given_points(context, *scenario, request.params));
  Json body{{"run", id},
            {"scenario", request.scenario},
            {"plan_name", context.plan.name},
            {"plan_sha256", hash_of(context.plan)},
            {"plan_dir", context.plan_dir},
            {"who", request.who},
            {"world", request.world},
            {"reason", request.reason},
            {"host", context.host.name()},
            {"version", request.version},
            {"params", Json::object()}};
  for (const auto& [name, value] : params)
    body["params"][name] = value;
  if (request.disaster_at) body["disaster_at"] = format_rfc3339(*request.disaster_at);
  const auto failure = read_first_failure(context.state_dir);
  if (failure && *failure && context.clock.now() - (*failure)->at < kFailureAgeMax) {
    body["first_failed_check_at"] = format_rfc3339((*failure)->at);
    body["first_failed_check"] = (*failure)->check;
  }
  return body;
}

/// Whoever started it was killed, or had no room, before its first record.
Error did_not_begin(const std::string& id) {
  return Error{ErrorKind::kNotFound, fmt::format("run {} did not begin", id),
               "Start it anew with `reprieve recover`."};
}

/// One orchestrator per plan: two would pull the same services in two directions.
Result<io::FileLock> lock_plan(const Context& context, const std::string& id) {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(context.state_dir + "/locks"));
  auto lock = io::FileLock::try_take(
      fmt::format("{}/locks/{}", context.state_dir, context.plan.name), "run " + id);
  if (!lock)
    return std::move(lock).error().at(
        fmt::format("a recovery by plan {} is under way", context.plan.name));
  return lock;
}

Result<RunEnd> drive(const Context& context, const RunFolder& folder, const ParsedJournal& parsed,
                     RunState state, RecordKind first_kind, Json first, const RunOptions& options) {
  REPRIEVE_TRY(auto medium, FileMedium::open(folder.file("journal"), parsed.whole_bytes));
  if (options.wrap_medium) medium = options.wrap_medium(std::move(medium));
  Journal journal{std::move(medium), parsed.chain, context.clock, context.boot_id};
  REPRIEVE_TRY(const Record record, journal.append(first_kind, std::move(first)));
  REPRIEVE_RETURN_IF_ERROR(fold(state, record));
  context.listener.on_record(state, record);
  REPRIEVE_TRY(const plan::Scenario* const scenario, scenario_of(context.plan, state.scenario));
  FileInbox inbox{folder};
  Executor executor{context, executed_scenario(*scenario), std::move(state), journal, inbox};
  REPRIEVE_TRY(const Executor::End end, executor.run({.waits_for_people = options.waits_for_people,
                                                      .cancel = options.cancel}));
  return RunEnd{.id = folder.id(), .end = end, .state = executor.state()};
}

Result<> keep_witnesses(const RunFolder& folder, const RunRequest& request) {
  if (request.witnesses.empty()) return kOk;
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder.file("witness")));
  for (const auto& [source, file] : request.witnesses) {
    REPRIEVE_TRY(const Bytes bytes, io::read_file(file, kWitnessMax));
    REPRIEVE_RETURN_IF_ERROR(io::write_file_durably(folder.file("witness/" + source), bytes));
  }
  return kOk;
}

/// A look at the world for the acts of a dry step.
void remark(const Context& context, const RunState& state, const plan::Step& step,
            const StepPlan& planned, DryStep& dry) {
  for (const Act& act : planned.acts) {
    const bool can_look = act.kind == ActKind::kServiceStop || act.kind == ActKind::kServiceStart;
    if (!can_look) continue;
    const auto run = make_act_run(context, state, step, act);
    const auto probe = run ? (*run)->probe() : Result<Probe>{run.error()};
    if (!probe)
      dry.remarks.push_back(fmt::format("{}: {}", act.title, probe.error().what));
    else if (probe->is_satisfied)
      dry.remarks.push_back(act.title + ": nothing to do as things are now");
  }
  const std::string point = text_of(planned.values, "point");
  if (point.empty()) return;
  const std::string verified = text_of(planned.values, "point_verified");
  dry.remarks.push_back(fmt::format("recovery point {} of {}, {}", point,
                                    text_of(planned.values, "point_time"),
                                    verified.empty() ? "never verified" : "verified: " + verified));
}

}  // namespace

int exit_code_of(const RunEnd& end) {
  switch (end.end) {
    case Executor::End::kWaitsForPerson:
      return kExitWaiting;
    case Executor::End::kStopped:
      return kExitStopped;
    case Executor::End::kFinished:
      break;
  }
  return end.state.outcome == RunOutcome::kDone ? 0 : 1;
}

Result<RunEnd> start_run(const Context& context, const RunRequest& request,
                         const RunOptions& options) {
  const std::string id = make_run_id(context.clock.now());
  REPRIEVE_TRY(Json first, first_record(context, request, id));
  REPRIEVE_TRY(const io::FileLock plan_lock, lock_plan(context, id));
  REPRIEVE_TRY(const RunFolder folder, RunFolder::of(context.state_dir, id));
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder.path()));
  REPRIEVE_TRY(const io::FileLock run_lock,
               io::FileLock::try_take(folder.file("lock"), "run " + id));
  REPRIEVE_RETURN_IF_ERROR(
      io::write_file_durably(folder.file("plan.yaml"), as_bytes(request.plan_text)));
  REPRIEVE_RETURN_IF_ERROR(io::write_file_durably(folder.file("plan.json"),
                                                  as_bytes(plan::canonical_text(context.plan))));
  REPRIEVE_RETURN_IF_ERROR(keep_witnesses(folder, request));
  ParsedJournal none;
  none.chain = journal_root();
  return drive(context, folder, none, {}, RecordKind::kRunStarted, std::move(first), options);
}

Result<RunEnd> resume_run(const Context& context, const std::string& id, const std::string& who,
                          const RunOptions& options) {
  REPRIEVE_TRY(const RunFolder folder, RunFolder::of(context.state_dir, id));
  // Before the lock: taking it would make the folder of a run that there is not.
  REPRIEVE_RETURN_IF_ERROR(read_journal(folder));
  REPRIEVE_TRY(const io::FileLock plan_lock, lock_plan(context, id));
  REPRIEVE_TRY(const io::FileLock run_lock,
               io::FileLock::try_take(folder.file("lock"), "run " + id));
  REPRIEVE_TRY(const ParsedJournal parsed, read_journal(folder));
  REPRIEVE_TRY(RunState state, fold_all(parsed.records));
  if (parsed.records.empty()) return did_not_begin(id);
  if (state.plan_hash != hash_of(context.plan))
    return Error{ErrorKind::kConflict, fmt::format("run {} is pinned to another plan", id)};
  if (state.outcome == RunOutcome::kDone || state.outcome == RunOutcome::kRolledBack)
    return RunEnd{.id = id, .end = Executor::End::kFinished, .state = std::move(state)};
  Json resumed{{"who", who}, {"host", context.host.name()}};
  return drive(context, folder, parsed, std::move(state), RecordKind::kResumed, std::move(resumed),
               options);
}

Result<std::vector<Record>> load_records(const std::string& state_dir, const std::string& id) {
  REPRIEVE_TRY(const RunFolder folder, RunFolder::of(state_dir, id));
  REPRIEVE_TRY(ParsedJournal parsed, read_journal(folder));
  return std::move(parsed.records);
}

Result<RunState> load_run(const std::string& state_dir, const std::string& id) {
  REPRIEVE_TRY(const auto records, load_records(state_dir, id));
  if (records.empty()) return did_not_begin(id);
  return fold_all(records);
}

Result<plan::Plan> load_run_plan(const std::string& state_dir, const std::string& id) {
  REPRIEVE_TRY(const RunFolder folder, RunFolder::of(state_dir, id));
  REPRIEVE_TRY(const RunState state, load_run(state_dir, id));
  const std::string path = folder.file("plan.yaml");
  REPRIEVE_TRY(const Bytes text, io::read_file(path, kPlanTextMax));
  REPRIEVE_TRY(plan::Plan plan, plan::load_plan(text, path));
  if (hash_of(plan) != state.plan_hash)
    return Error{ErrorKind::kCorrupt,
                 fmt::format("{} is not the plan that run {} began with", path, id),
                 "Bring back the file as it was: its hash is in the journal."};
  return plan;
}

Result<std::map<std::string, std::string>> load_witnesses(const std::string& state_dir,
                                                          const std::string& id) {
  REPRIEVE_TRY(const RunFolder folder, RunFolder::of(state_dir, id));
  std::map<std::string, std::string> witnesses;
  const auto names = io::list_dir(folder.file("witness"));
  if (!names && names.error().kind == ErrorKind::kNotFound) return witnesses;
  if (!names) return names.error();
  for (const std::string& name : *names) {
    REPRIEVE_TRY(witnesses[name], io::read_text_file(folder.file("witness/" + name), kWitnessMax));
  }
  return witnesses;
}

Result<std::vector<RunSummary>> list_runs(const std::string& state_dir) {
  REPRIEVE_TRY(const auto ids, run_ids(state_dir));
  std::vector<RunSummary> runs;
  for (const std::string& id : ids) {
    auto state = load_run(state_dir, id);
    runs.push_back(state ? RunSummary{.id = id, .state = *std::move(state), .problem = {}}
                         : RunSummary{.id = id, .state = {}, .problem = state.error().what});
  }
  return runs;
}

std::vector<Question> open_questions(const plan::Plan& plan, const RunState& state) {
  std::vector<Question> questions;
  for (const auto& [id, step] : state.steps) {
    if (!step.is_asked || state.outcome) continue;
    Question question{.step = id, .text = {}, .is_approval = false, .binding = {}, .approvers = {}};
    if (!step.waits.empty()) question.text = step.waits.back().question;
    const bool is_approval = step.state == StepState::kRunning && !step.acts.empty() &&
                             step.acts.front().act.kind == ActKind::kApprove;
    if (is_approval) {
      const Json& args = step.acts.front().act.args;
      question.is_approval = true;
      question.binding = text_of(args, "binding");
      question.approvers = approvers(plan, state, args);
    }
    questions.push_back(std::move(question));
  }
  return questions;
}

Result<std::vector<DryStep>> dry_run(const Context& context, const RunRequest& request) {
  const std::string id = make_run_id(context.clock.now());
  REPRIEVE_TRY(Json first, first_record(context, request, id));
  RunState state;
  REPRIEVE_RETURN_IF_ERROR(fold(state, Record{.kind = RecordKind::kRunStarted,
                                              .at = context.clock.now(),
                                              .uptime = context.clock.uptime(),
                                              .boot_id = context.boot_id,
                                              .body = std::move(first)}));
  std::vector<DryStep> steps;
  const plan::Scenario scenario = executed_scenario(*context.plan.find_scenario(request.scenario));
  for (const plan::Step& step : scenario.steps) {
    DryStep dry{.step = step.id,
                .type = std::string{plan::name_of(step.type())},
                .needs = {},
                .calls = {},
                .remarks = {},
                .problem = {}};
    for (const plan::Name& need : step.needs)
      dry.needs.push_back(need.text);
    if (step.when) dry.remarks.push_back("only if " + step.when->text());
    const auto planned = plan_step(context, state, step, Foresight::kAhead);
    if (planned) {
      for (const Act& act : planned->acts)
        dry.calls.push_back(act.call);
      remark(context, state, step, *planned, dry);
    } else {
      dry.problem = planned.error().what;
    }
    steps.push_back(std::move(dry));
  }
  return steps;
}

}  // namespace reprieve::recovery
