#pragma once

#include <bitset>
#include <cstddef>
#include <vector>

#include "plan/internal/reader.hpp"

/// Graphs given as: for each node, the nodes that it needs.
namespace reprieve::plan {

using Graph = std::vector<std::vector<std::size_t>>;
using NodeSet = std::bitset<kSectionEntriesMax>;

/// The nodes of one cycle, each needing the next and the last one the first; empty if there is
/// none. At most kSectionEntriesMax nodes.
std::vector<std::size_t> find_cycle(const Graph& graph);

/// For each node, all nodes that it needs directly or through others. The graph has no cycle.
std::vector<NodeSet> ancestors_of(const Graph& graph);

}  // namespace reprieve::plan
