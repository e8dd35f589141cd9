#include "plan/internal/scenario_graph.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/assert.hpp"
#include "plan/units.hpp"

namespace reprieve::plan {
namespace {

std::size_t index_of(const Scenario& scenario, std::string_view id) {
  const Step* step = scenario.find_step(id);
  REPRIEVE_ASSERT(step != nullptr);  // The parser accepts no plan in which it is.
  return static_cast<std::size_t>(step - scenario.steps.data());
}

}  // namespace

ScenarioGraph::ScenarioGraph(const Scenario& scenario) : scenario_{scenario} {
  for (const Step& step : scenario.steps) {
    auto& needed = graph_.emplace_back();
    for (const Name& name : step.needs)
      needed.push_back(index_of(scenario, name.text));
  }
  ancestors_ = ancestors_of(graph_);
}

bool ScenarioGraph::has_before(std::size_t index, StepType type) const {
  for (std::size_t i = 0; i < graph_.size(); ++i)
    if (ancestors_[index][i] && scenario_.steps[i].type() == type) return true;
  return false;
}

bool ScenarioGraph::has_between(std::string_view id, std::size_t index, StepType type) const {
  const std::size_t first = index_of(scenario_, id);
  for (std::size_t i = 0; i < graph_.size(); ++i)
    if (ancestors_[index][i] && ancestors_[i][first] && scenario_.steps[i].type() == type)
      return true;
  return false;
}

std::vector<std::size_t> ScenarioGraph::after(std::size_t index) const {
  std::vector<std::size_t> later;
  for (std::size_t i = 0; i < graph_.size(); ++i)
    if (ancestors_[i][index]) later.push_back(i);
  return later;
}

std::pair<Duration, std::vector<std::size_t>> ScenarioGraph::critical_path() const {
  // Fewer ancestors first: every step then comes after all that it needs.
  std::vector<std::size_t> order(graph_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return ancestors_[i].count(); });
  std::vector<Duration> total(graph_.size());
  std::vector<std::optional<std::size_t>> previous(graph_.size());
  std::optional<std::size_t> last;
  for (const std::size_t i : order) {
    for (const std::size_t needed : graph_[i]) {
      if (previous[i] && total[needed] <= total[*previous[i]]) continue;
      previous[i] = needed;
    }
    total[i] = scenario_.steps[i].estimate.value_or(Duration{0});
    // Sums stop growing where they would overflow: such a scenario is over every objective anyway.
    if (previous[i]) total[i] = std::min(total[i] + total[*previous[i]], kDurationMax);
    if (!last || total[i] > total[*last]) last = i;
  }
  if (!last) return {};
  const Duration sum = total[*last];
  std::vector<std::size_t> path;
  for (auto at = last; at; at = previous[*at])
    path.insert(path.begin(), *at);
  return {sum, std::move(path)};
}

}  // namespace reprieve::plan
