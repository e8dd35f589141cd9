#pragma once

#include <memory>
#include <string>

#include "app/recovery_wiring.hpp"
#include "app/workspace.hpp"
#include "recovery/check_runner.hpp"
#include "recovery/local_host.hpp"
#include "recovery/recovery.hpp"
#include "report/run_report.hpp"

namespace reprieve::app {

/// All that a run on this machine needs, wired. `plan` and what is passed in must outlive it.
class RecoveryDesk {
 public:
  static Result<std::unique_ptr<RecoveryDesk>> make(Workspace& workspace, const plan::Plan& plan,
                                                    std::string plan_dir,
                                                    recovery::RunListener& listener,
                                                    const CancelToken& cancel);
  /// For make() only.
  RecoveryDesk(Workspace& workspace, const plan::Plan& plan, std::string plan_dir,
               const std::string& program, const CancelToken& cancel);
  [[nodiscard]] const recovery::Context& context() const { return *context_; }

 private:
  recovery::LocalHost host_;
  RepositoryPoints points_;
  ChildRestores restores_;
  recovery::ThreadedCheckRunner checks_;
  std::unique_ptr<recovery::Context> context_;
};

/// Starts the plan's scenario.
Result<recovery::RunEnd> recover(Workspace& workspace, recovery::RunRequest request,
                                 const recovery::RunOptions& options,
                                 recovery::RunListener& listener, const CancelToken& cancel);
/// What recover() would do. Changes nothing.
Result<std::vector<recovery::DryStep>> recover_dry(Workspace& workspace,
                                                   const recovery::RunRequest& request,
                                                   const CancelToken& cancel);
/// Takes a run up again, with the plan that it is pinned to.
Result<recovery::RunEnd> resume(const WorkspaceOptions& options, const std::string& id,
                                const recovery::RunOptions& run_options,
                                recovery::RunListener& listener, const CancelToken& cancel);

/// A run with everything that a report is made of.
struct LoadedRun {
  plan::Plan plan;
  recovery::RunState state;
  recovery::Measures measures;
};
Result<LoadedRun> load_run(const std::string& state_dir, const std::string& id);

/// The id that `given` means: an id, an unambiguous prefix, or the newest run if it is empty.
Result<std::string> find_run(const std::string& state_dir, const std::string& given);

/// Runs the plan's checks (all, or those named) and records the results in the state folder, so
/// that a later recovery knows when it began to fail.
Result<std::vector<recovery::CheckResult>> run_checks(const Workspace& workspace,
                                                      const std::vector<std::string>& names);

/// The same against restored data that are not live yet: the sql checks of a postgres source ask a
/// private, read-only server on the data directory `target`; the file checks below a files source's
/// paths look below `target`. Nothing is recorded. Errors: kInvalid for a check that looks at
/// neither.
Result<std::vector<recovery::CheckResult>> run_checks_against(const Workspace& workspace,
                                                              const std::vector<std::string>& names,
                                                              const std::string& source,
                                                              const std::string& target,
                                                              const CancelToken& cancel);

/// The person who asks: SUDO_USER, else the login name.
std::string current_person();

}  // namespace reprieve::app
