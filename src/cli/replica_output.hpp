#pragma once

#include <vector>

#include "app/replicas.hpp"
#include "cli/console.hpp"

namespace reprieve::cli {

/// One object for each replica.
Json to_json(const std::vector<app::ReplicaOutcome>& outcomes);

/// A line for each replica, warnings for what it lacks. Whether all of them are complete.
bool tell(const Console& console, const std::vector<app::ReplicaOutcome>& outcomes);

}  // namespace reprieve::cli
