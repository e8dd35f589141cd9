#include "recovery/step_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "recovery/internal/service_target.hpp"
#include "recovery/values.hpp"

namespace reprieve::recovery {
namespace {

/// All that planning one step needs at hand.
struct Planner {
  const Context& context;
  const RunState& state;
  const plan::Step& step;
  Foresight foresight;

  [[nodiscard]] plan::Lookup lookup() const {
    return foresight == Foresight::kNow ? lookup_in(state) : lookup_ahead_of(state);
  }
  [[nodiscard]] Result<std::string> text(const plan::Template& part) const {
    return plan::render(part, lookup());
  }
};

Json to_json(const HostCommand& command) {
  Json env = Json::object();
  for (const auto& [name, value] : command.env)
    env[name] = value;
  return Json{{"argv", command.argv}, {"env", env}, {"cwd", command.cwd}, {"user", command.user}};
}

Act command_act(std::string title, const HostCommand& command) {
  Act act{.kind = ActKind::kCommand, .title = std::move(title), .call = {}};
  for (const auto& [name, value] : command.env)
    act.call += fmt::format("{}={} ", name, to_command_line({value}));
  act.call += to_command_line(command.argv);
  act.args = to_json(command);
  return act;
}

Act service_act(const Planner& planner, ActKind kind, const std::string& name) {
  const bool is_start = kind == ActKind::kServiceStart;
  Act act{
      .kind = kind, .title = fmt::format("{} {}", is_start ? "start" : "stop", name), .call = {}};
  act.call = is_start ? describe_start(planner.context.plan, name)
                      : describe_stop(planner.context.plan, name);
  act.args["service"] = name;
  return act;
}

Act checks_act(std::string title, const std::vector<plan::Name>& checks, bool until_green) {
  Act act{.kind = ActKind::kChecks, .title = std::move(title), .call = {}};
  Json names = Json::array();
  for (const plan::Name& check : checks) {
    names.push_back(check.text);
    act.call += (act.call.empty() ? "check " : ", ") + check.text;
  }
  act.args["checks"] = std::move(names);
  act.args["until_green"] = until_green;
  return act;
}

StepPlan plan_stop(const Planner& planner, const plan::StopStep& stop) {
  auto names = start_order(planner.context.plan, stop.services);
  std::ranges::reverse(names);
  if (stop.order == plan::ServiceOrder::kListed) {
    names.clear();
    for (const plan::Name& service : stop.services)
      names.push_back(service.text);
  }
  StepPlan planned;
  for (const std::string& name : names)
    planned.acts.push_back(service_act(planner, ActKind::kServiceStop, name));
  return planned;
}

StepPlan plan_start(const Planner& planner, const plan::StartStep& start) {
  auto names = start_order(planner.context.plan, start.services);
  if (start.order == plan::ServiceOrder::kListed) {
    names.clear();
    for (const plan::Name& service : start.services)
      names.push_back(service.text);
  }
  StepPlan planned;
  for (const std::string& name : names) {
    planned.acts.push_back(service_act(planner, ActKind::kServiceStart, name));
    const plan::Service* const service = planner.context.plan.find_service(name);
    if (start.gate == plan::Gate::kHealth && service != nullptr && !service->health.empty())
      planned.acts.push_back(
          checks_act(fmt::format("wait until {} is healthy", name), service->health, true));
  }
  return planned;
}

Json to_json(const ResolvedPoint& point) {
  return Json{{"point", point.id},
              {"point_time", format_rfc3339(point.time)},
              {"point_bytes", point.size_bytes},
              {"point_verified", point.verified},
              {"point_end_lsn", point.end_lsn}};
}

/// The point that an earlier generation pinned, or a new choice.
Result<ResolvedPoint> pin_point(const Planner& planner, const PointRequest& request) {
  const Json& pinned = planner.state.step(planner.step.id).outputs;
  if (!text_of(pinned, "point").empty())
    return ResolvedPoint{
        .id = text_of(pinned, "point"),
        .time = time_of(pinned, "point_time").value_or(Instant{}),
        .size_bytes = static_cast<std::uint64_t>(integer_of(pinned, "point_bytes")),
        .verified = text_of(pinned, "point_verified"),
        .end_lsn = text_of(pinned, "point_end_lsn")};
  return planner.context.points.resolve(request);
}

struct RestorePlace {
  std::string path;  ///< Where the data live; empty if they go to `into` for good.
  std::string into;
  std::string member;  ///< RestoreRequest::path.
};

/// What could never be switched is refused before hours go into its restore.
Result<> refuse_place(const Planner& planner, const RestorePlace& place) {
  if (place.path.empty()) return kOk;
  REPRIEVE_TRY(const PathView live, planner.context.host.look_at_path(place.path));
  return refuse_unswitchable(place.path, live);
}

/// An earlier generation may have left a part; its name says that it is this run's.
Result<> plan_clearing(const Planner& planner, const RestorePlace& place, StepPlan& planned) {
  if (planner.foresight == Foresight::kAhead || place.path.empty()) return kOk;
  REPRIEVE_TRY(const PathView view, planner.context.host.look_at_path(place.into));
  if (view.kind == PathView::Kind::kAbsent) return kOk;
  if (planner.state.step(planner.step.id).generation == 0)
    return Error{ErrorKind::kConflict, fmt::format("{} is in the way of the restore", place.into),
                 "Move it away, then resume the run."};
  planned.acts.push_back(
      command_act(fmt::format("remove the unfinished {}", place.into),
                  HostCommand{.argv = {"rm", "-rf", "--one-file-system", "--", place.into},
                              .env = {},
                              .cwd = "/",
                              .user = {},
                              .log = {}}));
  return kOk;
}

Result<StepPlan> plan_restore(const Planner& planner, const PointRequest& request,
                              const std::vector<RestorePlace>& places) {
  StepPlan planned;
  auto point = pin_point(planner, request);
  if (!point && planner.foresight == Foresight::kNow)
    return std::move(point).error().at(
        fmt::format("choose a recovery point of {}", request.source));
  if (point) planned.values = to_json(*point);
  // A dry run ahead of the step that names the point cannot choose one yet.
  const std::string point_id = point ? point->id : request.point;
  for (const RestorePlace& place : places) {
    REPRIEVE_RETURN_IF_ERROR(refuse_place(planner, place));
    REPRIEVE_RETURN_IF_ERROR(plan_clearing(planner, place, planned));
    REPRIEVE_TRY(const HostCommand command,
                 planner.context.restores.restore({.source = request.source,
                                                   .point_id = point_id,
                                                   .path = place.member,
                                                   .into = place.into,
                                                   .to_time = request.to_time,
                                                   .is_to_latest = request.is_to_latest}));
    Act act = command_act(fmt::format("restore {} into {}", request.source, place.into), command);
    act.args["result"] = "restore";
    act.args["target"] = place.into;
    act.args["final"] = place.path;
    act.args["source"] = request.source;
    // What will have been recovered unless the command itself knows better.
    if (request.to_time)
      act.args["recovers_to"] = format_rfc3339(*request.to_time);
    else if (point)
      act.args["recovers_to"] = format_rfc3339(point->time);
    // Beside the live data a second try harms nobody; in their own place it may.
    act.is_idempotent = !place.path.empty();
    planned.acts.push_back(std::move(act));
  }
  return planned;
}

Result<PointRequest> point_request(const Planner& planner, const plan::Name& source,
                                   const plan::Template& point, const plan::Template& to_time) {
  PointRequest request{.source = source.text, .point = {}, .to_time = std::nullopt};
  REPRIEVE_TRY(request.point, planner.text(point));
  if (to_time.is_empty()) return request;
  REPRIEVE_TRY(const std::string time, planner.text(to_time));
  request.to_time = parse_rfc3339(time);
  if (!request.to_time && planner.foresight == Foresight::kNow)
    return Error{ErrorKind::kInvalid, fmt::format("to_time: {} is no RFC 3339 time", time),
                 "Write it as 2026-11-20T14:49:00Z."};
  return request;
}

Result<StepPlan> plan_files_restore(const Planner& planner, const plan::FilesRestoreStep& restore) {
  REPRIEVE_TRY(const PointRequest request,
               point_request(planner, restore.source, restore.point, {}));
  const plan::Source* const source = planner.context.plan.find_source(restore.source.text);
  const auto* const files =
      source == nullptr ? nullptr : std::get_if<plan::FilesSource>(&source->kind);
  if (files == nullptr) return Error{ErrorKind::kInvalid, restore.source.text + " has no files"};
  REPRIEVE_TRY(const std::string into, planner.text(restore.path));
  std::vector<RestorePlace> places;
  if (restore.place == plan::RestorePlace::kPath) {
    places.push_back({.path = {}, .into = into, .member = {}});
    return plan_restore(planner, request, places);
  }
  for (const std::string& path : files->paths) {
    const std::string whole = absolute_path(planner.context.plan_dir, path);
    places.push_back({.path = whole,
                      .into = side_path(whole, planner.state.id),
                      .member = files->paths.size() > 1 ? whole : std::string{}});
  }
  return plan_restore(planner, request, places);
}

Result<StepPlan> plan_db_restore(const Planner& planner, const plan::DbRestoreStep& restore) {
  REPRIEVE_TRY(PointRequest request,
               point_request(planner, restore.source, restore.point, restore.to_time));
  const auto wanted = plan::parse_point(request.point);
  request.is_to_latest =
      !request.to_time && wanted && wanted->kind == plan::PointExpression::Kind::kLatest;
  const plan::Source* const source = planner.context.plan.find_source(restore.source.text);
  const auto* const database =
      source == nullptr ? nullptr : std::get_if<plan::PostgresSource>(&source->kind);
  if (database == nullptr)
    return Error{ErrorKind::kInvalid, restore.source.text + " is no database"};
  if (restore.place == plan::RestorePlace::kPath) {
    REPRIEVE_TRY(const std::string into, planner.text(restore.path));
    return plan_restore(planner, request, {{.path = {}, .into = into, .member = {}}});
  }
  if (database->data_dir.empty())
    return Error{ErrorKind::kInvalid,
                 fmt::format("source {} does not say where its data lie", restore.source.text),
                 "Give the source a data_dir, or the step a path."};
  const std::string whole = absolute_path(planner.context.plan_dir, database->data_dir);
  return plan_restore(planner, request,
                      {{.path = whole, .into = side_path(whole, planner.state.id), .member = {}}});
}

Act move_act(const std::string& source, const std::string& final_path, const std::string& from,
             const std::string& keep, const std::string& identity) {
  Act act{
      .kind = ActKind::kMove,
      .title = fmt::format("put {} in place", final_path),
      .call = fmt::format("swap {} and {}, then keep the old one as {}", from, final_path, keep)};
  act.args = Json{{"source", source},
                  {"final", final_path},
                  {"from", from},
                  {"keep", keep},
                  {"identity", identity}};
  return act;
}

Result<StepPlan> plan_switch(const Planner& planner, const plan::SwitchStep& swap) {
  StepPlan planned;
  for (const plan::Name& of : swap.of) {
    const Json& outputs = planner.state.step(of.text).outputs;
    const auto moves = outputs.find("moves");
    if (moves != outputs.end() && moves->is_array()) {
      for (const Json& move : *moves) {
        const std::string path = text_of(move, "final");
        planned.acts.push_back(move_act(text_of(move, "source"), path, text_of(move, "target"),
                                        kept_path(path, planner.state.id),
                                        text_of(move, "identity")));
      }
      continue;
    }
    if (planner.foresight == Foresight::kNow)
      return Error{ErrorKind::kInvalid,
                   fmt::format("step {} restored nothing to switch to", of.text)};
    planned.acts.push_back(Act{.kind = ActKind::kMove,
                               .title = fmt::format("put what {} restores in place", of.text),
                               .call = fmt::format("swap <known after {}>", of.text)});
  }
  if (planner.foresight == Foresight::kAhead) return planned;
  // All of them are looked at before the first one is moved.
  for (const Act& act : planned.acts)
    REPRIEVE_RETURN_IF_ERROR(refuse_unsafe_move(planner.context, act));
  return planned;
}

Result<std::vector<std::string>> render_all(const Planner& planner,
                                            const std::vector<plan::Template>& parts) {
  std::vector<std::string> texts;
  for (const plan::Template& part : parts) {
    REPRIEVE_TRY(auto text, planner.text(part));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<StepPlan> plan_run(const Planner& planner, const plan::RunStep& run) {
  HostCommand command;
  REPRIEVE_TRY(command.argv, render_all(planner, run.argv));
  for (const auto& [name, value] : run.env) {
    REPRIEVE_TRY(command.env[name], planner.text(value));
  }
  REPRIEVE_TRY(command.cwd, planner.text(run.cwd));
  command.cwd = absolute_path(planner.context.plan_dir, command.cwd);
  if (run.cwd.is_empty()) command.cwd = planner.context.plan_dir;
  Act act =
      command_act(fmt::format("run {}", command.argv.empty() ? "" : command.argv.front()), command);
  act.args["result"] = "run";
  act.is_idempotent = run.idempotent == plan::Idempotency::kYes;
  REPRIEVE_TRY(const auto probe, render_all(planner, run.probe));
  if (run.idempotent == plan::Idempotency::kProbe) act.args["probe"] = probe;
  StepPlan planned;
  planned.acts.push_back(std::move(act));
  return planned;
}

Result<StepPlan> plan_approve(const Planner& planner, const plan::ApproveStep& approve) {
  REPRIEVE_TRY(const std::string text, planner.text(approve.text));
  Act act{.kind = ActKind::kApprove, .title = "wait for approval", .call = text};
  Json roles = Json::array();
  for (const plan::Name& role : approve.by)
    roles.push_back(role.text);
  act.args = Json{{"by", roles},
                  {"quorum", approve.quorum},
                  {"not_requester", approve.is_requester_excluded},
                  {"binding", binding_of(planner.state, planner.step, text)},
                  {"text", text},
                  {"proceed_on_timeout", approve.on_timeout == plan::OnTimeout::kProceed}};
  StepPlan planned;
  planned.acts.push_back(std::move(act));
  return planned;
}

/// The source that a restore step restores.
Result<std::string> restored_source(const Planner& planner, const std::string& step_id) {
  const plan::Scenario* const scenario = planner.context.plan.find_scenario(planner.state.scenario);
  const plan::Step* const step = scenario == nullptr ? nullptr : scenario->find_step(step_id);
  if (step != nullptr) {
    if (const auto* files = std::get_if<plan::FilesRestoreStep>(&step->action))
      return files->source.text;
    if (const auto* database = std::get_if<plan::DbRestoreStep>(&step->action))
      return database->source.text;
  }
  return Error{ErrorKind::kInvalid, fmt::format("{} is no step that restores", step_id),
               "Name the target of a restore step: against: \"{STEP.target}\"."};
}

/// Looking at restored data before they go live takes long and starts servers: a child does it.
Result<StepPlan> plan_check_restored(const Planner& planner, const plan::CheckStep& check) {
  RestoredCheckRequest request;
  for (const plan::Name& name : check.checks)
    request.checks.push_back(name.text);
  REPRIEVE_TRY(request.source, restored_source(planner, check.against->step));
  REPRIEVE_TRY(request.target, planner.lookup()(*check.against));
  REPRIEVE_TRY(const HostCommand command, planner.context.restores.check(request));
  StepPlan planned;
  planned.acts.push_back(command_act(
      fmt::format("check what was restored of {} in {}", request.source, request.target), command));
  return planned;
}

Result<StepPlan> plan_check(const Planner& planner, const plan::CheckStep& check) {
  if (check.against) return plan_check_restored(planner, check);
  StepPlan planned;
  planned.acts.push_back(checks_act("run checks", check.checks, false));
  return planned;
}

/// The act that takes one act back, if it changed anything.
std::optional<Act> inverse_of(const Planner& planner, const ActState& done) {
  if (done.phase == ActState::Phase::kPlanned || done.phase == ActState::Phase::kDoneObserved)
    return std::nullopt;
  const Json& args = done.act.args;
  switch (done.act.kind) {
    case ActKind::kServiceStop:
      if (!flag_of(done.prior, "running")) return std::nullopt;
      return service_act(planner, ActKind::kServiceStart, text_of(args, "service"));
    case ActKind::kServiceStart:
      if (flag_of(done.prior, "running")) return std::nullopt;
      return service_act(planner, ActKind::kServiceStop, text_of(args, "service"));
    case ActKind::kMove: {
      Act act = move_act(text_of(args, "source"), text_of(args, "final"), text_of(args, "keep"),
                         text_of(args, "from"), text_of(done.prior, "final_identity"));
      act.title = fmt::format("put {} back", text_of(args, "final"));
      act.args["back"] = true;
      return act;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<StepPlan> plan_step(const Context& context, const RunState& state, const plan::Step& step,
                           Foresight foresight) {
  const Planner planner{.context = context, .state = state, .step = step, .foresight = foresight};
  switch (step.type()) {
    case plan::StepType::kStop:
      return plan_stop(planner, std::get<plan::StopStep>(step.action));
    case plan::StepType::kStart:
      return plan_start(planner, std::get<plan::StartStep>(step.action));
    case plan::StepType::kFilesRestore:
      return plan_files_restore(planner, std::get<plan::FilesRestoreStep>(step.action));
    case plan::StepType::kDbRestore:
      return plan_db_restore(planner, std::get<plan::DbRestoreStep>(step.action));
    case plan::StepType::kSwitch:
      return plan_switch(planner, std::get<plan::SwitchStep>(step.action));
    case plan::StepType::kCheck:
      return plan_check(planner, std::get<plan::CheckStep>(step.action));
    case plan::StepType::kRun:
      return plan_run(planner, std::get<plan::RunStep>(step.action));
    case plan::StepType::kApprove:
      return plan_approve(planner, std::get<plan::ApproveStep>(step.action));
  }
  return Error{ErrorKind::kInvalid, "a step is of an unknown type"};
}

Result<std::vector<Act>> plan_undo(const Context& context, const RunState& state,
                                   const plan::Step& step) {
  const Planner planner{
      .context = context, .state = state, .step = step, .foresight = Foresight::kNow};
  std::vector<Act> acts;
  if (step.undo == plan::UndoKind::kArgv) {
    HostCommand command;
    REPRIEVE_TRY(command.argv, render_all(planner, step.undo_argv));
    command.cwd = context.plan_dir;
    Act act = command_act(fmt::format("undo {}", step.id), command);
    act.is_idempotent = false;
    acts.push_back(std::move(act));
    return acts;
  }
  const StepRun& done = state.step(step.id);
  for (const auto* const list : {&done.acts, &done.earlier_acts})
    for (auto it = list->rbegin(); it != list->rend(); ++it)
      if (auto inverse = inverse_of(planner, *it)) acts.push_back(*std::move(inverse));
  return acts;
}

std::vector<std::string> start_order(const plan::Plan& plan,
                                     const std::vector<plan::Name>& services) {
  std::vector<std::string> ordered;
  std::set<std::string> seen;
  const auto is_named = [&](const std::string& name) {
    return std::ranges::any_of(services, [&](const plan::Name& s) { return s.text == name; });
  };
  // Depth first through needs; the services between two named ones count for the order too.
  const std::function<void(const std::string&)> visit = [&](const std::string& name) {
    if (!seen.insert(name).second) return;
    if (const plan::Service* const service = plan.find_service(name))
      for (const plan::Name& need : service->needs)
        visit(need.text);
    if (is_named(name)) ordered.push_back(name);
  };
  for (const plan::Name& service : services)
    visit(service.text);
  return ordered;
}

std::string side_path(const std::string& path, const std::string& run_id) {
  return path + ".reprieve-" + run_id;
}

std::string kept_path(const std::string& path, const std::string& run_id) {
  return path + ".before-" + run_id;
}

std::string to_command_line(const std::vector<std::string>& argv) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+";
  std::string line;
  for (const std::string& word : argv) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word)
      line += c == '\'' ? std::string{"'\\''"} : std::string{c};
    line += '\'';
  }
  return line;
}

}  // namespace reprieve::recovery
