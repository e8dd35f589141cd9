#pragma once

#include <string>
#include <vector>

#include "app/workspace.hpp"
#include "base/cancel.hpp"

namespace reprieve::app {

/// One thing that was looked at.
struct Finding {
  enum class Verdict : std::uint8_t { kGood, kWarning, kBad };
  Verdict verdict = Verdict::kGood;
  std::string subject;  ///< "repository", "source shopdb", ...
  std::string what;
  std::string remedy;  ///< Empty if it is good.
};

/// Looks at this installation from all sides and changes nothing: program, folders, repository,
/// keys, plan, sources, secrets. Never fails: what cannot be looked at is a finding.
std::vector<Finding> diagnose(Workspace& workspace, const CancelToken& cancel);

}  // namespace reprieve::app
