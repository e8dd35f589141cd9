#include <algorithm>
#include <array>

#include "base/format.hpp"
#include "plan/internal/sections.hpp"
#include "plan/nearest.hpp"
#include "plan/units.hpp"

/// One step of a scenario.
namespace reprieve::plan {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

template <class E>
using Choice = std::pair<std::string_view, E>;

// Step types of the later language; naming one deserves another answer than a misspelling.
constexpr auto kLaterTypes = std::to_array<std::string_view>({
    "watch",
    "point.choose",
    "compromise.estimate",
    "checklist",
    "scale",
    "restart",
    "maintenance.on",
    "maintenance.off",
    "dns.update",
    "secret.set",
    "k8s.apply",
    "config.restore",
    "release.deploy",
    "k8s.restore",
    "dns.restore",
    "db.switch",
    "isolate",
    "secrets.rotate",
    "replica.promote",
    "rds.promote",
    "fence",
    "rds.restore_to_time",
    "terraform",
    "cluster.create",
    "backup.now",
    "acknowledge",
    "task",
    "notify",
    "room.open",
    "incident.resolve",
    "scenario",
    "parallel",
    "release.rollback",
});

constexpr std::array<std::string_view, 5> kLaterKeys = {"site", "drill", "irreversible", "commit",
                                                        "require"};

void parse_services_of(Fields& fields, std::vector<Name>& services, ServiceOrder& order) {
  if (const auto value = fields.require("services", "Write services: [NAME, ...].")) {
    services = value->names("a list of services");
    if (value->is_list() && value->node().items.empty()) value->expected("at least one service");
  }
  constexpr std::array<Choice<ServiceOrder>, 2> kOrders = {{
      {"needs", ServiceOrder::kNeeds},
      {"listed", ServiceOrder::kListed},
  }};
  fields.one_of<ServiceOrder>("order", kOrders, order);
}

StopStep parse_stop(Fields& fields) {
  StopStep step;
  parse_services_of(fields, step.services, step.order);
  return step;
}

StartStep parse_start(Fields& fields) {
  StartStep step;
  parse_services_of(fields, step.services, step.order);
  constexpr std::array<Choice<Gate>, 2> kGates = {
      {{"health", Gate::kHealth}, {"none", Gate::kNone}}};
  fields.one_of<Gate>("gate", kGates, step.gate);
  return step;
}

Name parse_restore_source(Fields& fields) {
  const auto value = fields.require("source", "Write source: NAME.");
  return (value ? value->name("the name of a source") : std::nullopt).value_or(Name{});
}

/// `at`: a literal must be a point; what is substituted can only be judged when it runs.
Template parse_restore_point(const Value& value) {
  auto text = value.template_text("a recovery point").value_or(Template{});
  const auto literal = text.literal();
  if (!literal || literal->empty()) return text;
  const auto point = parse_point(*literal);
  if (!point) value.fail(point.error().what, point.error().hint);
  return text;
}

Template literal_template(std::string text) {
  Template out;
  out.parts.emplace_back(std::move(text));
  return out;
}

void parse_into(Fields& fields, RestorePlace& place, Template& path) {
  const auto value = fields.find("into");
  if (!value) return;
  auto text = value->template_text("side-by-side or a path");
  if (!text) return;
  const auto literal = text->literal();
  if (literal == "side-by-side") return;
  if (literal && !literal->starts_with('/'))
    return value->expected("side-by-side or an absolute path");
  place = RestorePlace::kPath;
  path = *std::move(text);
}

FilesRestoreStep parse_files_restore(Fields& fields) {
  FilesRestoreStep step;
  step.source = parse_restore_source(fields);
  const auto point = fields.find("at");
  step.point = point ? parse_restore_point(*point) : literal_template("latest");
  parse_into(fields, step.place, step.path);
  return step;
}

DbRestoreStep parse_db_restore(Fields& fields) {
  DbRestoreStep step;
  step.source = parse_restore_source(fields);
  const auto point = fields.find("at");
  const auto time = fields.find("to_time");
  if (point) step.point = parse_restore_point(*point);
  if (!point && !time) step.point = literal_template("latest");
  if (point && time)
    time->fail("`at` and `to_time` exclude each other",
               "Keep `to_time` to replay up to a moment, or `at` for a recovery point as it is.");
  if (time) {
    step.to_time = time->template_text("a time").value_or(Template{});
    const auto literal = step.to_time.literal();
    if (literal && !literal->empty() && !parse_rfc3339(*literal))
      time->expected("a time such as 2026-11-20T03:00:00Z",
                     "Give the zone, too: a local time in a recovery is how data get lost.");
  }
  parse_into(fields, step.place, step.path);
  return step;
}

SwitchStep parse_switch(Fields& fields) {
  SwitchStep step;
  step.keep_old = hours{7 * 24};
  if (const auto of = fields.require("of", "Write of: [STEP, ...] with the steps that restored.")) {
    step.of = of->names("a list of restore steps");
    if (of->is_list() && of->node().items.empty()) of->expected("at least one restore step");
  }
  if (const auto keep = fields.find("keep_old")) {
    const bool is_true = keep->is_scalar() && core_scalar(keep->node()) == Scalar{true};
    if (is_true)
      step.keep_old.reset();
    else if (const auto duration = parse_duration(keep->is_scalar() ? keep->node().text : ""))
      step.keep_old = duration;
    else
      keep->expected("a duration or true", "What was replaced is always kept for a while.");
  }
  return step;
}

CheckStep parse_check_step(Fields& fields) {
  CheckStep step;
  if (const auto run = fields.require("run", "Write run: [CHECK, ...].")) {
    step.checks = run->names("a list of checks");
    if (run->is_list() && run->node().items.empty()) run->expected("at least one check");
  }
  const auto against = fields.find("against");
  if (!against) return step;
  const auto text = against->template_text("the target of a restore step");
  if (!text) return step;
  const auto references = text->references();
  if (text->parts.size() == 1 && references.size() == 1 && references[0].field == "target" &&
      references[0].root == Reference::Root::kStep)
    step.against = references[0];
  else
    against->expected("the target of a restore step", "Write \"{STEP.target}\".");
  return step;
}

void parse_run_env(const Value& value, RunStep& step) {
  if (!value.is_mapping()) value.expected("a mapping of variables");
  for (const MappingEntry& entry : value.node().entries) {
    const Value variable{entry.value, value.path() + "." + entry.key, value.problems()};
    if (entry.key.empty() || entry.key.find('=') != entry.key.npos)
      variable.fail("a variable's name is not empty and holds no =");
    else if (auto text = variable.template_text("text"))
      step.env.emplace(entry.key, *std::move(text));
  }
}

RunStep parse_run_step(Fields& fields) {
  RunStep step;
  if (const auto argv = fields.require("argv", "Write argv: [PROGRAM, ARGUMENT, ...]."))
    step.argv = argv->argv_templates();
  if (const auto env = fields.find("env")) parse_run_env(*env, step);
  if (const auto cwd = fields.find("cwd")) {
    step.cwd = cwd->template_text("an absolute path").value_or(Template{});
    const auto literal = step.cwd.literal();
    if (literal && !literal->empty() && !literal->starts_with('/'))
      cwd->expected("an absolute path", "Begin it with a slash.");
  }
  const std::string remedy =
      "Write idempotent: true if running it twice does no harm, false if it does, or probe with "
      "`probe: [PROGRAM, ...]`, which exits 0 once the work is done.";
  const auto idempotent = fields.require("idempotent", remedy);
  const auto probe = fields.find("probe");
  if (idempotent) {
    const Scalar scalar = idempotent->is_scalar() ? core_scalar(idempotent->node()) : Scalar{};
    if (scalar == Scalar{true})
      step.idempotent = Idempotency::kYes;
    else if (scalar == Scalar{"probe"})
      step.idempotent = Idempotency::kProbe;
    else if (scalar != Scalar{false})
      idempotent->expected("true, false or probe", remedy);
  }
  if (probe) step.probe = probe->argv_templates();
  const bool needs_probe = step.idempotent == Idempotency::kProbe;
  if (idempotent && needs_probe != probe.has_value())
    fields.value().fail("`idempotent: probe` and `probe: [...]` belong together", remedy);
  return step;
}

ApproveStep parse_approve(Fields& fields) {
  ApproveStep step;
  if (const auto by = fields.require("by", "Write by: [ROLE, ...].")) {
    step.by = by->names("a list of roles");
    if (by->is_list() && by->node().items.empty()) by->expected("at least one role");
  }
  if (const auto quorum = fields.find("quorum"))
    step.quorum = quorum->integer_as<std::uint32_t>(1, 100).value_or(1U);
  if (const auto excluded = fields.find("not")) {
    constexpr std::array<Choice<bool>, 1> kExcluded = {{{"requester", true}}};
    step.is_requester_excluded = excluded->one_of<bool>(kExcluded).value_or(false);
  }
  fields.names("binds", "a list of steps", step.binds);
  if (const auto text = fields.find("text"))
    step.text = text->template_text("text").value_or(Template{});
  if (const auto on_timeout = fields.find("on_timeout")) {
    constexpr std::array<Choice<OnTimeout>, 2> kActs = {
        {{"deny", OnTimeout::kDeny}, {"proceed", OnTimeout::kProceed}}};
    if (on_timeout->is_scalar() && on_timeout->node().text == "escalate")
      on_timeout->fail("this version cannot escalate", "Write deny or proceed.");
    else
      step.on_timeout = on_timeout->one_of<OnTimeout>(kActs).value_or(OnTimeout::kDeny);
  }
  return step;
}

StepClass class_of(const Step& step) {
  switch (step.type()) {
    case StepType::kStop:
    case StepType::kStart:
      return StepClass::kChange;
    case StepType::kFilesRestore:
      return std::get<FilesRestoreStep>(step.action).place == RestorePlace::kSideBySide
                 ? StepClass::kChange
                 : StepClass::kDestructive;
    case StepType::kDbRestore:
      return std::get<DbRestoreStep>(step.action).place == RestorePlace::kSideBySide
                 ? StepClass::kChange
                 : StepClass::kDestructive;
    case StepType::kSwitch:
      return StepClass::kDestructive;
    case StepType::kCheck:
      return StepClass::kRead;
    case StepType::kRun:
      return std::get<RunStep>(step.action).idempotent == Idempotency::kYes
                 ? StepClass::kChange
                 : StepClass::kDestructive;
    case StepType::kApprove:
      return StepClass::kHuman;
  }
  return StepClass::kDestructive;
}

Duration default_timeout(StepType type) {
  switch (type) {
    case StepType::kStop:
    case StepType::kSwitch:
      return minutes{5};
    case StepType::kStart:
    case StepType::kCheck:
      return minutes{10};
    case StepType::kFilesRestore:
    case StepType::kDbRestore:
      return hours{24};
    case StepType::kRun:
    case StepType::kApprove:
      return hours{1};
  }
  return hours{1};
}

bool can_undo_itself(const Step& step) {
  if (step.type() == StepType::kStop || step.type() == StepType::kStart) return true;
  if (step.type() == StepType::kSwitch) return true;
  const bool is_restore =
      step.type() == StepType::kFilesRestore || step.type() == StepType::kDbRestore;
  return is_restore && step.step_class == StepClass::kChange;
}

void parse_undo(Fields& fields, Step& step) {
  step.undo = can_undo_itself(step) ? UndoKind::kAutomatic : UndoKind::kNone;
  const auto value = fields.find("undo");
  if (!value) return;
  if (value->is_list()) {
    step.undo = UndoKind::kArgv;
    step.undo_argv = value->argv_templates();
  } else if (value->is_scalar() && value->node().text == "none") {
    step.undo = UndoKind::kNone;
  } else if (!value->is_scalar() || value->node().text != "auto") {
    value->expected("auto, none or a command as a list of texts");
  } else if (step.undo != UndoKind::kAutomatic) {
    value->fail("this step cannot undo itself",
                "Write a command, undo: [PROGRAM, ...], or undo: none.");
  }
}

void parse_retry(const Value& value, Step& step) {
  Fields fields{value, "how often to try again, such as {times: 3, delay: 10s}"};
  if (const auto times = fields.require("times", "Write times: 3."))
    step.retry.times = times->integer_as<std::uint32_t>(0, 100).value_or(0U);
  fields.duration("delay", step.retry.delay);
  fields.finish();
  const auto* run = std::get_if<RunStep>(&step.action);
  if (step.retry.times == 0) return;
  if (run != nullptr && run->idempotent == Idempotency::kNo)
    value.fail("a command that is not idempotent is never run again by itself",
               "Remove `retry`, or make the command idempotent and say so.");
  if (step.type() == StepType::kApprove)
    value.fail("people are not asked again by themselves", "Give the step a longer `timeout`.");
}

void parse_common(Fields& fields, Step& step) {
  if (const auto when = fields.find("when")) step.when = when->condition();
  step.timeout = default_timeout(step.type());
  if (const auto timeout = fields.find("timeout"))
    step.timeout = timeout->duration_above_zero().value_or(step.timeout);
  if (const auto stall = fields.find("stall")) step.stall = stall->duration_above_zero();
  if (const auto retry = fields.find("retry")) parse_retry(*retry, step);
  step.on_fail = step.step_class == StepClass::kDestructive ? OnFail::kAsk : OnFail::kStop;
  constexpr std::array<Choice<OnFail>, 4> kActs = {{{"stop", OnFail::kStop},
                                                    {"ask", OnFail::kAsk},
                                                    {"continue", OnFail::kContinue},
                                                    {"rollback", OnFail::kRollback}}};
  fields.one_of<OnFail>("on_fail", kActs, step.on_fail);
  parse_undo(fields, step);
  fields.duration("estimate", step.estimate);
  fields.text("owner", step.owner);
}

void parse_action(Fields& fields, StepType type, Step& step) {
  switch (type) {
    case StepType::kStop:
      step.action = parse_stop(fields);
      break;
    case StepType::kStart:
      step.action = parse_start(fields);
      break;
    case StepType::kFilesRestore:
      step.action = parse_files_restore(fields);
      break;
    case StepType::kDbRestore:
      step.action = parse_db_restore(fields);
      break;
    case StepType::kSwitch:
      step.action = parse_switch(fields);
      break;
    case StepType::kCheck:
      step.action = parse_check_step(fields);
      break;
    case StepType::kRun:
      step.action = parse_run_step(fields);
      break;
    case StepType::kApprove:
      step.action = parse_approve(fields);
      break;
  }
}

std::optional<StepType> parse_type(const Value& value) {
  if (value.is_scalar())
    if (const auto type = step_type_of(value.node().text)) return type;
  if (value.is_scalar() && std::ranges::find(kLaterTypes, value.node().text) != kLaterTypes.end()) {
    value.fail(fmt::format("the step type {} is not in this version", value.node().text),
               "Use a `run` step with your own command, or an `approve` step that a person ends.");
    return std::nullopt;
  }
  std::vector<std::string_view> known;
  known.reserve(kStepTypeCount);
  for (std::size_t i = 0; i < kStepTypeCount; ++i)
    known.push_back(name_of(static_cast<StepType>(i)));
  value.expected("a step type", value.is_scalar() ? suggestion(value.node().text, known) : "");
  return std::nullopt;
}

std::string parse_id(const Value& value) {
  const auto name = value.name("a name of letters, digits, _ and -");
  if (!name) return {};
  if (name->text != "params" && name->text != "run") return name->text;
  value.fail(fmt::format("a step must not be called {}", name->text),
             "The word has a meaning of its own in {name.field}: take another.");
  return {};
}

}  // namespace

std::optional<Step> parse_step(const Value& value, std::string_view previous) {
  Step step;
  step.at = value.at();
  Fields unnamed{value, "a step, such as {id: db, do: db.restore, source: db}"};
  if (const auto id = unnamed.require("id", "Write id: NAME; runs and approvals refer to it."))
    step.id = parse_id(*id);
  // From here on, messages name the step instead of counting it.
  const std::string& path = value.path();
  const std::string place =
      step.id.empty() ? path : path.substr(0, path.rfind('[')) + "." + step.id;
  if (!value.is_mapping()) return std::nullopt;
  Fields fields{Value{value.node(), place, value.problems()}, ""};
  fields.know("id");
  const auto type_value = fields.require("do", "Write do: TYPE, such as do: db.restore.");
  const auto type = type_value ? parse_type(*type_value) : std::nullopt;
  if (!type) return std::nullopt;
  parse_action(fields, *type, step);
  step.step_class = class_of(step);
  if (const auto needs = fields.find("needs"))
    step.needs = needs->names("a list of steps");
  else if (!previous.empty())
    step.needs = {Name{std::string{previous}, Position{}}};
  parse_common(fields, step);
  fields.finish(kLaterKeys);
  if (step.id.empty()) return std::nullopt;
  return step;
}

}  // namespace reprieve::plan
