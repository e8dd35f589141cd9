#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/workspace.hpp"
#include "base/cancel.hpp"
#include "base/progress.hpp"
#include "cli/console.hpp"
#include "cli/progress_bar.hpp"

namespace reprieve::cli {

/// What every command is given.
struct Invocation {
  explicit Invocation(CancelToken& stop) : cancel{stop} { options.cancel = &stop; }

  app::WorkspaceOptions options;
  std::vector<std::string> repositories;  ///< Each --repo: becomes `repo` and `replicas`.
  bool is_json = false;
  bool is_quiet = false;
  bool is_without_progress = false;
  CancelToken& cancel;
  /// Set by the chosen command's parser; returns the exit code.
  std::function<int(const Console&)> run;
};

/// Runs `body` and turns its error into output and an exit code.
int finish(const Console& console, const std::function<Result<int>()>& body);

/// A progress bar for the mode of this invocation.
std::unique_ptr<ProgressBar> start_progress(const Invocation& invocation, std::string verb,
                                            const Progress& progress);

/// For JSON: `object` and `what` of each.
Json alarms_json(const std::vector<repository::HeadAlarm>& alarms);

/// Asks on the controlling terminal without echo. Errors: kInvalid if there is none.
Result<Secret> ask_secret(const std::string& prompt);

/// The hidden first word `shim`: carries a child of a recovery (recovery/shim.hpp).
int run_shim(int argc, char** argv);

/// One function per command: adds it to the parser. `invocation` outlives the parse and the run.
void add_init(CLI::App& parser, Invocation& invocation);
void add_backup(CLI::App& parser, Invocation& invocation);
void add_points(CLI::App& parser, Invocation& invocation);
void add_restore(CLI::App& parser, Invocation& invocation);
void add_verify(CLI::App& parser, Invocation& invocation);
void add_diff(CLI::App& parser, Invocation& invocation);
void add_plan(CLI::App& parser, Invocation& invocation);
void add_recover(CLI::App& parser, Invocation& invocation);
void add_check(CLI::App& parser, Invocation& invocation);
void add_run(CLI::App& parser, Invocation& invocation);
void add_status(CLI::App& parser, Invocation& invocation);
void add_doctor(CLI::App& parser, Invocation& invocation);
void add_prune(CLI::App& parser, Invocation& invocation);
void add_hold(CLI::App& parser, Invocation& invocation);
void add_repo(CLI::App& parser, Invocation& invocation);
/// Below `repo`.
void add_head(CLI::App& repo, Invocation& invocation);
void add_keys(CLI::App& repo, Invocation& invocation);
void add_erase(CLI::App& repo, Invocation& invocation);
/// `probe`, a subcommand of `repo`.
void add_probe(CLI::App& group, Invocation& invocation);
/// `copy`, a subcommand of `repo`.
void add_copy(CLI::App& group, Invocation& invocation);
/// `extend-locks`, a subcommand of `repo`.
void add_locks(CLI::App& group, Invocation& invocation);
/// `sync`, `stores` and `promote`, subcommands of `repo`.
void add_replicas(CLI::App& group, Invocation& invocation);
void add_wal(CLI::App& parser, Invocation& invocation);
void add_serve(CLI::App& parser, Invocation& invocation);

}  // namespace reprieve::cli
