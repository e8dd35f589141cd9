#include <array>
#include <set>

#include "base/format.hpp"
#include "plan/internal/sections.hpp"

/// The section scenarios.
namespace reprieve::plan {
namespace {

template <class E>
using Choice = std::pair<std::string_view, E>;

void parse_goal(const Value& value, Goal& goal) {
  Fields fields{value, "a goal, such as {severity: critical, rto: 30m, rpo: 5m}"};
  constexpr std::array<Choice<Severity>, 4> kSeverities = {{{"low", Severity::kLow},
                                                            {"medium", Severity::kMedium},
                                                            {"high", Severity::kHigh},
                                                            {"critical", Severity::kCritical}}};
  if (const auto severity = fields.find("severity"))
    goal.severity = severity->one_of<Severity>(kSeverities);
  if (const auto rto = fields.find("rto")) goal.rto = rto->duration_above_zero();
  fields.duration("rpo", goal.rpo);
  fields.finish();
}

Param parse_param(const Name& name, const Value& value) {
  Param param;
  param.name = name.text;
  param.at = name.at;
  Fields fields{value, "a parameter, such as {type: string, default: full}"};
  std::array<Choice<ParamType>, 7> types;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto type = static_cast<ParamType>(i);
    types[i] = {name_of(type), type};
  }
  const auto type = fields.require("type", "Write type: string.");
  const auto chosen = type ? type->one_of<ParamType>(types) : std::nullopt;
  if (chosen) param.type = *chosen;
  if (const auto of = fields.find("of")) param.of = of->name("the name of a source");
  if (param.of && chosen && param.type != ParamType::kRecoveryPoint) {
    value.fail("`of` belongs to a recovery-point only", "Remove it, or change the type.");
    param.of.reset();
  }
  if (const auto text = fields.find("default")) {
    if (!text->is_scalar()) {
      text->expected("a value");
    } else if (chosen) {
      param.default_value = text->node().text;
      const auto fits = check_param_value(param, text->node().text);
      if (!fits) text->fail(fits.error().what, fits.error().hint);
    }
  }
  fields.finish();
  return param;
}

/// Returns whether all steps could be read.
bool parse_steps(const Value& value, Scenario& scenario) {
  if (value.is_list() && value.node().items.empty()) value.expected("at least one step");
  if (value.node().items.size() > kSectionEntriesMax) {
    value.fail(fmt::format("more than {} steps", kSectionEntriesMax), "Split the scenario.");
    return false;
  }
  std::string previous;
  bool is_complete = value.is_list();
  for (const Value& item : value.list("a list of steps")) {
    auto step = parse_step(item, previous);
    is_complete = is_complete && step.has_value();
    if (!step) continue;
    if (const Step* other = scenario.find_step(step->id)) {
      item.fail(fmt::format("the id {} is taken by the step of line {}", step->id, other->at.line),
                "Give each step of a scenario an id of its own.");
      is_complete = false;
      continue;
    }
    previous = step->id;
    scenario.steps.push_back(*std::move(step));
  }
  return is_complete;
}

}  // namespace

void parse_scenarios(const Value& section, Draft& draft) {
  for (const auto& [name, value] : entries_of(section, "a mapping of scenarios")) {
    Scenario scenario;
    scenario.name = name.text;
    scenario.at = name.at;
    Fields fields{value, "a scenario, such as {steps: [...]}"};
    if (const auto goal = fields.find("goal")) parse_goal(*goal, scenario.goal);
    if (const auto params = fields.find("params"))
      for (const auto& [param, param_value] : entries_of(*params, "a mapping of parameters"))
        scenario.params.push_back(parse_param(param, param_value));
    const auto steps = fields.require("steps", "Write steps: and a list of steps.");
    if (!steps || !parse_steps(*steps, scenario)) draft.doubtful.insert("steps of " + name.text);
    fields.names("verify", "a list of checks", scenario.verify);
    constexpr std::array<std::string_view, 3> kLater = {"detect", "communicate", "world"};
    fields.finish(kLater);
    draft.plan.scenarios.push_back(std::move(scenario));
  }
}

void fill_in_scenarios(Plan& plan) {
  for (Scenario& scenario : plan.scenarios) {
    if (!scenario.verify.empty()) continue;
    std::set<std::string_view> seen;
    for (const Step& step : scenario.steps) {
      const auto* start = std::get_if<StartStep>(&step.action);
      if (start == nullptr) continue;
      for (const Name& name : start->services) {
        const Service* service = plan.find_service(name.text);
        if (service == nullptr) continue;
        for (const Name& check : service->health)
          if (seen.insert(check.text).second) scenario.verify.push_back({check.text, Position{}});
      }
    }
  }
}

}  // namespace reprieve::plan
