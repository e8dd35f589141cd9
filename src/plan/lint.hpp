#pragma once

#include <string>
#include <vector>

#include "plan/model.hpp"
#include "plan/position.hpp"

namespace reprieve::plan {

/// A promise of a plan that cannot be kept, or a risk that it takes. The plan can still be used.
struct Finding {
  std::string rule;     ///< Stable name, such as "backup-interval-over-rpo".
  std::string subject;  ///< What it is about: "services.db".
  Position at;
  std::string reason;  ///< Why it matters, with the arithmetic: "15m + 10m = 25m, over rpo 20m".
  std::string remedy;  ///< What to change, as a full sentence.
};

/// All findings, sorted by position, then rule. Pure: the same plan gives the same findings.
std::vector<Finding> lint(const Plan& plan);

}  // namespace reprieve::plan
