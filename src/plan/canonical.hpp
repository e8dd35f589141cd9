#pragma once

#include <string>

#include "plan/model.hpp"

namespace reprieve::plan {

/// The resolved plan as one JSON document: defaults filled in, named entries sorted by name, lists
/// in their order, durations in nanoseconds, no positions. Two texts that mean the same plan give
/// the same bytes; its hash is what is tested, approved and recorded.
std::string canonical_text(const Plan& plan);

}  // namespace reprieve::plan
