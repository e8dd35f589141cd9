#include "plan/internal/graph.hpp"

#include <algorithm>
#include <cstdint>

#include "base/assert.hpp"

namespace reprieve::plan {
namespace {

enum class Color : std::uint8_t { kNew, kOpen, kDone };

/// Depth first, without recursion: `path` is what would be the call stack.
class DepthFirst {
 public:
  explicit DepthFirst(const Graph& graph)
      : graph_{graph}, colors_(graph.size(), Color::kNew), next_(graph.size(), 0) {}

  /// Appends what can be reached from `root`, needed nodes first; stops at the first cycle.
  bool visit(std::size_t root) {
    if (colors_[root] != Color::kNew) return true;
    path_ = {root};
    colors_[root] = Color::kOpen;
    while (!path_.empty()) {
      const std::size_t node = path_.back();
      if (next_[node] == graph_[node].size()) {
        colors_[node] = Color::kDone;
        order.push_back(node);
        path_.pop_back();
        continue;
      }
      const std::size_t needed = graph_[node][next_[node]++];
      if (colors_[needed] == Color::kOpen) {
        cycle.assign(std::ranges::find(path_, needed), path_.end());
        return false;
      }
      if (colors_[needed] == Color::kDone) continue;
      colors_[needed] = Color::kOpen;
      path_.push_back(needed);
    }
    return true;
  }

  std::vector<std::size_t> order;
  std::vector<std::size_t> cycle;

 private:
  const Graph& graph_;
  std::vector<Color> colors_;
  std::vector<std::size_t> next_;
  std::vector<std::size_t> path_;
};

}  // namespace

std::vector<std::size_t> find_cycle(const Graph& graph) {
  DepthFirst search{graph};
  for (std::size_t node = 0; node < graph.size(); ++node)
    if (!search.visit(node)) return search.cycle;
  return {};
}

std::vector<NodeSet> ancestors_of(const Graph& graph) {
  REPRIEVE_ASSERT(graph.size() <= kSectionEntriesMax);
  DepthFirst search{graph};
  for (std::size_t node = 0; node < graph.size(); ++node) {
    const bool is_acyclic = search.visit(node);
    REPRIEVE_ASSERT(is_acyclic);
  }
  std::vector<NodeSet> ancestors(graph.size());
  for (const std::size_t node : search.order)
    for (const std::size_t needed : graph[node])
      ancestors[node] |= NodeSet{ancestors[needed]}.set(needed);
  return ancestors;
}

}  // namespace reprieve::plan
