#include "app/prune_job.hpp"

#include "app/points.hpp"

namespace reprieve::app {
namespace {

using Rules = std::map<std::string, std::vector<repository::RetentionRule>>;

Rules rules_of(const plan::Plan& plan, const PruneChoices& choices) {
  Rules rules;
  for (const plan::BackupPolicy& policy : plan.backups) {
    if (policy.is_continuous()) continue;
    repository::RetentionRule rule = rule_of(policy.keep);
    if (choices.min_age) rule.min_age = *choices.min_age;
    for (const plan::Name& source : policy.sources)
      rules[source.text].push_back(rule);
  }
  return rules;
}

}  // namespace

repository::RetentionRule rule_of(const plan::Keep& keep) {
  return {.last = keep.last,
          .hourly = keep.hourly,
          .daily = keep.daily,
          .weekly = keep.weekly,
          .monthly = keep.monthly,
          .yearly = keep.yearly,
          .within = keep.within};
}

Result<repository::PruneReport> prune(const Workspace& workspace, OpenRepository& open,
                                      const PruneChoices& choices, const CancelToken& cancel) {
  repository::PruneOptions options = choices.options;
  if (choices.rule) {
    for (const repository::Snapshot& snapshot : open.listed.snapshots)
      options.rules[snapshot.description.source] = {*choices.rule};
    options.rules.erase(std::string{kPlanSource});
  } else if (const LoadedPlan* plan = workspace.plan_if_any()) {
    options.rules = rules_of(plan->plan, choices);
  }
  return repository::prune(*open.repository, options, cancel);
}

}  // namespace reprieve::app
