#pragma once

#include <string>

#include "plan/model.hpp"

namespace reprieve::plan {

/// The resolved plan as one JSON document: defaults filled in, named entries sorted by name, lists
/// in their order (sorted where the order means nothing), durations in nanoseconds, no positions.
/// Layout, comments, aliases and the order of keys do not change it; whatever changes what the plan
/// does, changes it. Its hash is what is tested, approved and recorded.
std::string canonical_text(const Plan& plan);

}  // namespace reprieve::plan
