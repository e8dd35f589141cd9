#include "app/kept_copies.hpp"

#include <utility>

#include "base/clock.hpp"
#include "io/directory.hpp"
#include "recovery/local_host.hpp"
#include "recovery/recovery.hpp"

namespace reprieve::app {
namespace {

using Fate = CleanedCopy::Fate;

Fate fate_of(const recovery::KeptCopy& copy, const recovery::PathView& there, Instant now) {
  if (there.identity != copy.identity) return Fate::kForeign;
  return copy.until && *copy.until <= now ? Fate::kRemoved : Fate::kKept;
}

}  // namespace

Result<std::vector<CleanedCopy>> clean_kept_copies(const std::string& state_dir, bool dry_run,
                                                   Instant now, const CancelToken& cancel) {
  recovery::LocalHost host{state_dir, {}, system_clock()};
  REPRIEVE_TRY(const auto runs, recovery::list_runs(state_dir));
  std::vector<CleanedCopy> copies;
  for (const recovery::RunSummary& run : runs) {
    if (!run.problem.empty()) continue;
    const auto plan = recovery::load_run_plan(state_dir, run.id);
    if (!plan) continue;
    for (recovery::KeptCopy& copy : recovery::kept_copies(*plan, run.state)) {
      REPRIEVE_RETURN_IF_ERROR(cancel.check());
      REPRIEVE_TRY(const recovery::PathView there, host.look_at_path(copy.path));
      if (there.kind == recovery::PathView::Kind::kAbsent) continue;
      const Fate fate = fate_of(copy, there, now);
      if (fate == Fate::kRemoved && !dry_run) REPRIEVE_RETURN_IF_ERROR(io::remove_tree(copy.path));
      copies.push_back({run.id, std::move(copy), fate});
    }
  }
  return copies;
}

}  // namespace reprieve::app
