#pragma once

#include <optional>
#include <string>

#include "app/workspace.hpp"
#include "repository/prune.hpp"

namespace reprieve::app {

struct PruneChoices {
  /// What the user said instead of the plan's policies, for every source; nothing: the policies.
  std::optional<repository::RetentionRule> rule;
  std::optional<Duration> min_age;   ///< Changes the policies' rules, too.
  repository::PruneOptions options;  ///< Its rules are filled in here.
};

/// The rule of one policy of the plan.
repository::RetentionRule rule_of(const plan::Keep& keep);

/// Decides by the plan's policies, or by what the user said, which recovery points go, removes them
/// and gives their space back. The plan's own copies beside the data are never removed. Errors: as
/// repository::prune().
Result<repository::PruneReport> prune(const Workspace& workspace, OpenRepository& open,
                                      const PruneChoices& choices, const CancelToken& cancel);

}  // namespace reprieve::app
