#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "recovery/context.hpp"
#include "recovery/executor.hpp"
#include "recovery/journal.hpp"
#include "recovery/run_state.hpp"
#include "recovery/step_plan.hpp"

/// What the application calls: begin, resume, look at and speak to runs.
namespace reprieve::recovery {

struct RunRequest {
  std::string scenario = {};
  std::map<std::string, std::string> params = {};  ///< As given; defaults are filled in.
  std::string plan_text = {};                      ///< The plan's file, byte for byte.
  std::string who = {};                            ///< Person who asks for it.
  std::string reason = {};
  std::string world = "real";
  std::string version = {};                 ///< Of this program.
  std::optional<Instant> disaster_at = {};  ///< `--since`: known start of the disaster.
  /// Files with one RFC 3339 time at the start of each line: when a client was told that its write
  /// is safe. Copied into the run. By source.
  std::map<std::string, std::string> witnesses = {};
};

struct RunOptions {
  bool waits_for_people = false;
  const CancelToken* cancel = nullptr;
  /// Put around the journal's medium; for tests that stop the world.
  std::function<std::unique_ptr<JournalMedium>(std::unique_ptr<JournalMedium>)> wrap_medium = {};
};

struct RunEnd {
  std::string id;
  Executor::End end = Executor::End::kFinished;
  RunState state;
};

/// The process exit code that a run's end amounts to: 0 done, 1 failed or rolled back, 4 waiting
/// for a person, 130 stopped.
int exit_code_of(const RunEnd& end);

/// Begins a run of `context.plan` and drives it. Errors: kInvalid (parameters, something that this
/// version cannot carry out); kNotFound (scenario, a recovery point given as a parameter);
/// kConflict if another orchestrator drives a run of this plan; those of the journal. The run can
/// be resumed after any of them once it has begun.
Result<RunEnd> start_run(const Context& context, const RunRequest& request,
                         const RunOptions& options);

/// Takes a run up where its journal ends. `context.plan` must be load_run_plan()'s and
/// `context.plan_dir` RunState::plan_dir. Errors: as above; kNotFound; kCorrupt.
Result<RunEnd> resume_run(const Context& context, const std::string& id, const std::string& who,
                          const RunOptions& options);

/// Where a run stands, without touching it.
Result<RunState> load_run(const std::string& state_dir, const std::string& id);
/// The records too, for reports.
Result<std::vector<Record>> load_records(const std::string& state_dir, const std::string& id);
/// The plan that the run is pinned to. Errors: kCorrupt if it is not the one that the journal
/// names.
Result<plan::Plan> load_run_plan(const std::string& state_dir, const std::string& id);
/// The witness files that were given to the run, by source.
Result<std::map<std::string, std::string>> load_witnesses(const std::string& state_dir,
                                                          const std::string& id);

struct RunSummary {
  std::string id;
  RunState state;
  std::string problem;  ///< Not empty: its journal could not be read.
};
/// Oldest first.
Result<std::vector<RunSummary>> list_runs(const std::string& state_dir);

/// An open question of a run to its people.
struct Question {
  std::string step;
  std::string text;
  bool is_approval = false;
  std::string binding;                 ///< Of an approval: what to sign.
  std::vector<std::string> approvers;  ///< Of an approval: who may still sign.
};
std::vector<Question> open_questions(const plan::Plan& plan, const RunState& state);

/// One step of a dry run.
struct DryStep {
  std::string step;
  std::string type;
  std::vector<std::string> needs;
  std::vector<std::string> calls;    ///< Exact; "<known after STEP>" for what is not known yet.
  std::vector<std::string> remarks;  ///< What a look at the world says: "app does not run already".
  std::string problem;               ///< Not empty: it could not begin as things are now.
};
/// Probe and plan of each step; changes nothing. Errors: as start_run().
Result<std::vector<DryStep>> dry_run(const Context& context, const RunRequest& request);

}  // namespace reprieve::recovery
