#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "plan/internal/graph.hpp"
#include "plan/model.hpp"

namespace reprieve::plan {

/// Questions about the order of the steps of a scenario that was accepted. Refers to the scenario.
class ScenarioGraph {
 public:
  explicit ScenarioGraph(const Scenario& scenario);

  /// Whether a step of that type always ends before step `index` begins.
  [[nodiscard]] bool has_before(std::size_t index, StepType type) const;
  /// Whether a step of that type always runs after the step `id` and before step `index`.
  [[nodiscard]] bool has_between(std::string_view id, std::size_t index, StepType type) const;
  /// The steps that always come after step `index`.
  [[nodiscard]] std::vector<std::size_t> after(std::size_t index) const;
  /// The chain of steps whose estimates add up to most, and that sum. A step without an estimate
  /// counts as nothing.
  [[nodiscard]] std::pair<Duration, std::vector<std::size_t>> critical_path() const;

 private:
  const Scenario& scenario_;
  Graph graph_;
  std::vector<NodeSet> ancestors_;
};

}  // namespace reprieve::plan
