#include <algorithm>

#include "base/format.hpp"
#include "plan/internal/graph.hpp"
#include "plan/internal/sections.hpp"
#include "plan/nearest.hpp"

/// The graph of a scenario's steps: who comes after whom, and who takes what from whom.
namespace reprieve::plan {
namespace {

/// Every reference that a step makes, wherever in it.
class ReferenceCollector {
 public:
  explicit ReferenceCollector(const Step& step) {
    add(step.undo_argv);
    if (step.when)
      for (Reference& reference : step.when->references())
        found.push_back(std::move(reference));
    std::visit([this](const auto& action) { collect(action); }, step.action);
  }
  std::vector<Reference> found;

 private:
  void add(const Template& text) {
    for (Reference& reference : text.references())
      found.push_back(std::move(reference));
  }
  void add(const std::vector<Template>& texts) {
    for (const Template& text : texts)
      add(text);
  }
  void collect(const StopStep&) {}
  void collect(const StartStep&) {}
  void collect(const SwitchStep&) {}
  void collect(const FilesRestoreStep& step) {
    add(step.point);
    add(step.path);
  }
  void collect(const DbRestoreStep& step) {
    add(step.point);
    add(step.to_time);
    add(step.path);
  }
  void collect(const CheckStep& step) {
    if (step.against) found.push_back(*step.against);
  }
  void collect(const RunStep& step) {
    add(step.argv);
    add(step.probe);
    add(step.cwd);
    for (const auto& [name, text] : step.env)
      add(text);
  }
  void collect(const ApproveStep& step) { add(step.text); }
};

bool restores_side_by_side(const Step& step) {
  if (const auto* files = std::get_if<FilesRestoreStep>(&step.action))
    return files->place == RestorePlace::kSideBySide;
  if (const auto* db = std::get_if<DbRestoreStep>(&step.action))
    return db->place == RestorePlace::kSideBySide;
  return false;
}

class ScenarioResolver {
 public:
  ScenarioResolver(Scenario& scenario, bool is_complete, Problems& problems)
      : scenario_{scenario}, is_complete_{is_complete}, problems_{problems} {}

  void run() {
    Graph graph;
    for (const Step& step : scenario_.steps)
      graph.push_back(indexes_of(step, "needs", step.needs));
    if (report_cycle(graph)) return;
    ancestors_ = ancestors_of(graph);
    for (std::size_t i = 0; i < scenario_.steps.size(); ++i) {
      check_references_of(i);
      check_switch(i);
      check_approval(i);
      check_check(i);
      check_rollback(i);
    }
  }

 private:
  [[nodiscard]] std::string path_of(const Step& step) const {
    return fmt::format("scenarios.{}.steps.{}", scenario_.name, step.id);
  }
  void report(Position at, const Step& step, std::string_view what, std::string hint) {
    problems_.add(at, fmt::format("{}: {}", path_of(step), what), std::move(hint));
  }
  [[nodiscard]] std::vector<std::string_view> step_ids() const {
    std::vector<std::string_view> ids;
    ids.reserve(scenario_.steps.size());
    for (const Step& step : scenario_.steps)
      ids.push_back(step.id);
    return ids;
  }
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view id) const {
    const Step* step = scenario_.find_step(id);
    if (step == nullptr) return std::nullopt;
    return static_cast<std::size_t>(step - scenario_.steps.data());
  }

  /// Reports names that are no steps, unless some steps could not be read.
  std::vector<std::size_t> indexes_of(const Step& step, std::string_view key,
                                      const std::vector<Name>& names) {
    std::vector<std::size_t> indexes;
    for (const Name& name : names) {
      const auto index = index_of(name.text);
      if (index) indexes.push_back(*index);
      if (!index && is_complete_ && !problems_.is_full())
        problems_.add(name.at,
                      fmt::format("{}.{}: there is no step \"{}\"", path_of(step), key, name.text),
                      suggestion(name.text, step_ids()));
    }
    return indexes;
  }

  bool report_cycle(const Graph& graph) {
    const auto cycle = find_cycle(graph);
    if (cycle.empty()) return false;
    std::string circle;
    for (const std::size_t index : cycle)
      circle += scenario_.steps[index].id + " -> ";
    const Step& first = scenario_.steps[cycle[0]];
    report(first.at, first,
           fmt::format("the steps need each other in a circle: {}{}", circle, first.id),
           "Remove one of these needs. A step without `needs` comes after the step above it.");
    return true;
  }

  void check_references_of(std::size_t i) {
    const Step& step = scenario_.steps[i];
    for (const Reference& reference : ReferenceCollector{step}.found) {
      if (problems_.is_full()) return;
      switch (reference.root) {
        case Reference::Root::kParam:
          check_param(step, reference);
          break;
        case Reference::Root::kRun:
          check_field(step, reference, {kRunFields.begin(), kRunFields.end()});
          break;
        case Reference::Root::kStep:
          check_output(i, reference);
          break;
      }
    }
  }

  void check_param(const Step& step, const Reference& reference) {
    if (scenario_.find_param(reference.field) != nullptr) return;
    std::vector<std::string_view> names;
    names.reserve(scenario_.params.size());
    for (const Param& param : scenario_.params)
      names.push_back(param.name);
    std::string hint = suggestion(reference.field, names);
    if (hint.empty()) hint = "Declare it: params: {NAME: {type: string}}.";
    report(reference.at, step, fmt::format("there is no parameter \"{}\"", reference.field),
           std::move(hint));
  }

  void check_field(const Step& step, const Reference& reference,
                   const std::vector<std::string_view>& fields) {
    if (std::ranges::find(fields, reference.field) != fields.end()) return;
    report(reference.at, step, fmt::format("{{{}}} does not exist", reference.text()),
           suggestion(reference.field, fields));
  }

  void check_output(std::size_t i, const Reference& reference) {
    const Step& step = scenario_.steps[i];
    const auto index = index_of(reference.step);
    if (!index) {
      if (is_complete_)
        report(reference.at, step,
               fmt::format("{{{}}} refers to a step that does not exist", reference.text()),
               suggestion(reference.step, step_ids()));
      return;
    }
    const auto own = outputs_of(scenario_.steps[*index].type());
    std::vector<std::string_view> fields{own.begin(), own.end()};
    fields.insert(fields.end(), kCommonOutputs.begin(), kCommonOutputs.end());
    check_field(step, reference, fields);
    if (*index != i && ancestors_[i][*index]) return;
    report(reference.at, step,
           fmt::format("uses {{{}}}, but does not come after {}", reference.text(), reference.step),
           fmt::format("Add {} to its `needs`.", reference.step));
  }

  void require_before(std::size_t i, std::string_view key, const std::vector<Name>& names) {
    const Step& step = scenario_.steps[i];
    for (const Name& name : names) {
      const auto index = index_of(name.text);
      if (!index || (*index != i && ancestors_[i][*index])) continue;
      report(name.at, step,
             fmt::format("`{}` names {}, but does not come after it", key, name.text),
             fmt::format("Add {} to its `needs`.", name.text));
    }
  }

  void check_switch(std::size_t i) {
    const Step& step = scenario_.steps[i];
    const auto* action = std::get_if<SwitchStep>(&step.action);
    if (action == nullptr) return;
    for (const std::size_t index : indexes_of(step, "of", action->of)) {
      const Step& restore = scenario_.steps[index];
      if (restores_side_by_side(restore)) continue;
      report(step.at, step, fmt::format("{} restores nothing side by side", restore.id),
             "Name steps of the type files.restore or db.restore with into: side-by-side.");
    }
    require_before(i, "of", action->of);
  }

  void check_check(std::size_t i) {
    const Step& step = scenario_.steps[i];
    const auto* action = std::get_if<CheckStep>(&step.action);
    if (action == nullptr || !action->against) return;
    const Step* target = scenario_.find_step(action->against->step);
    const bool is_restore = target != nullptr && (target->type() == StepType::kFilesRestore ||
                                                  target->type() == StepType::kDbRestore);
    // A step of another type has no target, which check_references_of() has reported.
    if (!is_restore) return;
    require_before(i, "against", {Name{target->id, action->against->at}});
  }

  void check_approval(std::size_t i) {
    const Step& step = scenario_.steps[i];
    const auto* action = std::get_if<ApproveStep>(&step.action);
    if (action == nullptr) return;
    indexes_of(step, "binds", action->binds);
    require_before(i, "binds", action->binds);
    if (action->on_timeout != OnTimeout::kProceed) return;
    for (std::size_t later = 0; later < scenario_.steps.size(); ++later) {
      const Step& after = scenario_.steps[later];
      if (!ancestors_[later][i] || after.step_class != StepClass::kDestructive) continue;
      report(step.at, step,
             fmt::format("`on_timeout: proceed` would let {} destroy without approval", after.id),
             "Write on_timeout: deny.");
      return;
    }
  }

  /// A start lets writers in again; whatever may run after it must not be rolled back by itself.
  void check_rollback(std::size_t i) {
    Step& step = scenario_.steps[i];
    for (std::size_t other = 0; other < scenario_.steps.size(); ++other) {
      const Step& start = scenario_.steps[other];
      if (other == i || start.type() != StepType::kStart || ancestors_[other][i]) continue;
      step.may_follow_start = true;
      if (step.on_fail != OnFail::kRollback) return;
      report(step.at, step,
             fmt::format("`on_fail: rollback` would lose what was written since {} started "
                         "services again",
                         start.id),
             "Write on_fail: ask; a person then sees the loss and decides.");
      return;
    }
  }

  Scenario& scenario_;
  bool is_complete_;
  Problems& problems_;
  std::vector<NodeSet> ancestors_;
};

}  // namespace

void resolve_steps(Draft& draft) {
  for (Scenario& scenario : draft.plan.scenarios) {
    const bool is_complete = !draft.doubtful.contains("steps of " + scenario.name);
    ScenarioResolver{scenario, is_complete, draft.problems}.run();
  }
}

}  // namespace reprieve::plan
