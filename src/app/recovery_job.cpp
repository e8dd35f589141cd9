#include "app/recovery_job.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "io/file.hpp"
#include "io/process_identity.hpp"
#include "io/user.hpp"
#include "plan/nearest.hpp"
#include "recovery/run_folder.hpp"
#include "source/postgresql/side_instance.hpp"

namespace reprieve::app {
namespace {

recovery::CheckEnvironment environment_of(const Workspace& workspace, const plan::Plan& plan,
                                          std::string plan_dir) {
  return {plan, std::move(plan_dir),
          [&workspace](const std::string& name) { return workspace.secret(name); }, system_clock()};
}

Result<std::vector<recovery::CheckResult>> run_named(const recovery::CheckEnvironment& environment,
                                                     const std::vector<std::string>& names) {
  std::vector<recovery::CheckResult> results;
  for (const std::string& name : names) {
    const plan::Check* check = environment.plan.find_check(name);
    if (check == nullptr)
      return Error{ErrorKind::kNotFound, "the plan has no check " + name,
                   plan::suggestion(name, plan::names_of(environment.plan.checks))};
    results.push_back(recovery::run_check(environment, *check));
  }
  return results;
}

}  // namespace

RecoveryDesk::RecoveryDesk(Workspace& workspace, const plan::Plan& plan, std::string plan_dir,
                           const std::string& program, const CancelToken& cancel)
    : host_{workspace.state_dir(), {program, "shim"}, system_clock()},
      points_{workspace, cancel},
      restores_{workspace, program},
      checks_{environment_of(workspace, plan, std::move(plan_dir))} {}

Result<std::unique_ptr<RecoveryDesk>> RecoveryDesk::make(Workspace& workspace,
                                                         const plan::Plan& plan,
                                                         std::string plan_dir,
                                                         recovery::RunListener& listener,
                                                         const CancelToken& cancel) {
  REPRIEVE_TRY(const std::string program, program_path());
  auto desk = std::make_unique<RecoveryDesk>(workspace, plan, plan_dir, program, cancel);
  desk->context_ =
      std::make_unique<recovery::Context>(recovery::Context{.plan = plan,
                                                            .plan_dir = std::move(plan_dir),
                                                            .state_dir = workspace.state_dir(),
                                                            .host = desk->host_,
                                                            .clock = system_clock(),
                                                            .random = system_random(),
                                                            .points = desk->points_,
                                                            .restores = desk->restores_,
                                                            .checks = desk->checks_,
                                                            .listener = listener,
                                                            .boot_id = io::own_identity().boot_id});
  return desk;
}

Result<recovery::RunEnd> recover(Workspace& workspace, recovery::RunRequest request,
                                 const recovery::RunOptions& options,
                                 recovery::RunListener& listener, const CancelToken& cancel) {
  REPRIEVE_TRY(const LoadedPlan* loaded, workspace.plan());
  request.plan_text = loaded->text;
  REPRIEVE_TRY(const auto desk, RecoveryDesk::make(workspace, loaded->plan,
                                                   io::parent_of(loaded->path), listener, cancel));
  return recovery::start_run(desk->context(), request, options);
}

Result<std::vector<recovery::DryStep>> recover_dry(Workspace& workspace,
                                                   const recovery::RunRequest& request,
                                                   const CancelToken& cancel) {
  REPRIEVE_TRY(const LoadedPlan* loaded, workspace.plan());
  recovery::RunListener nobody;
  REPRIEVE_TRY(const auto desk, RecoveryDesk::make(workspace, loaded->plan,
                                                   io::parent_of(loaded->path), nobody, cancel));
  return recovery::dry_run(desk->context(), request);
}

Result<recovery::RunEnd> resume(const WorkspaceOptions& options, const std::string& id,
                                const recovery::RunOptions& run_options,
                                recovery::RunListener& listener, const CancelToken& cancel) {
  // The pinned plan, whatever became of the file since: a run uses what it started with.
  WorkspaceOptions pinned = options;
  REPRIEVE_TRY(const recovery::RunFolder folder, recovery::RunFolder::of(options.state_dir, id));
  pinned.plan_file = folder.file("plan.yaml");
  REPRIEVE_TRY(Workspace workspace, Workspace::open(std::move(pinned)));
  REPRIEVE_TRY(const plan::Plan plan, recovery::load_run_plan(workspace.state_dir(), id));
  REPRIEVE_TRY(const recovery::RunState state, recovery::load_run(workspace.state_dir(), id));
  REPRIEVE_TRY(const auto desk,
               RecoveryDesk::make(workspace, plan, state.plan_dir, listener, cancel));
  return recovery::resume_run(desk->context(), id, current_person(), run_options);
}

Result<LoadedRun> load_run(const std::string& state_dir, const std::string& id) {
  REPRIEVE_TRY(recovery::RunState state, recovery::load_run(state_dir, id));
  REPRIEVE_TRY(plan::Plan plan, recovery::load_run_plan(state_dir, id));
  REPRIEVE_TRY(const auto witnesses, recovery::load_witnesses(state_dir, id));
  recovery::Measures measures = recovery::measure(plan, state, witnesses);
  return LoadedRun{std::move(plan), std::move(state), std::move(measures)};
}

Result<std::string> find_run(const std::string& state_dir, const std::string& given) {
  REPRIEVE_TRY(const std::vector<std::string> ids, recovery::run_ids(state_dir));
  if (ids.empty())
    return Error{ErrorKind::kNotFound, "there is no run in " + state_dir,
                 "Start one with `reprieve recover`, or name its state folder with --state-dir."};
  if (given.empty()) return ids.back();
  std::string found;
  for (const std::string& id : ids) {
    if (!id.starts_with(given)) continue;
    if (!found.empty())
      return Error{ErrorKind::kInvalid, "several runs begin with " + given,
                   "Give more of the id; `reprieve run list` shows them."};
    found = id;
  }
  if (found.empty())
    return Error{ErrorKind::kNotFound, "no run is called " + given,
                 "`reprieve run list` shows them."};
  return found;
}

Result<std::vector<recovery::CheckResult>> run_checks(const Workspace& workspace,
                                                      const std::vector<std::string>& names) {
  REPRIEVE_TRY(const LoadedPlan* loaded, workspace.plan());
  std::vector<std::string> wanted = names;
  if (wanted.empty())
    std::ranges::transform(loaded->plan.checks, std::back_inserter(wanted), &plan::Check::name);
  const auto environment = environment_of(workspace, loaded->plan, io::parent_of(loaded->path));
  REPRIEVE_TRY(auto results, run_named(environment, wanted));
  REPRIEVE_RETURN_IF_ERROR(recovery::record_checks(workspace.state_dir(), results));
  return results;
}

namespace {

/// `path` as it lies in the restored copy, if it is the source's.
std::optional<std::string> moved_path(const std::string& path,
                                      const std::vector<std::string>& roots,
                                      const std::string& target) {
  for (const std::string& root : roots)
    if (path == root || path.starts_with(root + "/")) return target + path.substr(root.size());
  return std::nullopt;
}

/// The plan with its checks turned to the restored copy. Errors: kInvalid.
Result<plan::Plan> turned_to_copy(const Workspace& workspace, const plan::Plan& live,
                                  const std::vector<std::string>& names, const plan::Source& source,
                                  const std::string& target) {
  plan::Plan turned = live;
  const auto* files = std::get_if<plan::FilesSource>(&source.kind);
  for (plan::Check& check : turned.checks) {
    if (std::ranges::find(names, check.name) == names.end()) continue;
    const auto* sql = std::get_if<plan::SqlCheck>(&check.kind);
    if (files == nullptr && sql != nullptr && sql->source && sql->source->text == source.name)
      continue;  // Asks the source's URL, which is replaced once the private server runs.
    auto* file = std::get_if<plan::FileCheck>(&check.kind);
    const auto moved = file == nullptr || files == nullptr
                           ? std::nullopt
                           : moved_path(file->path, absolute_paths(workspace, *files), target);
    if (!moved)
      return Error{ErrorKind::kInvalid,
                   "check " + check.name + " does not look at the restored data of " + source.name,
                   "Use sql checks of the source, or file checks below its paths."};
    file->path = *moved;
  }
  return turned;
}

}  // namespace

Result<std::vector<recovery::CheckResult>> run_checks_against(const Workspace& workspace,
                                                              const std::vector<std::string>& names,
                                                              const std::string& source,
                                                              const std::string& target,
                                                              const CancelToken& cancel) {
  REPRIEVE_TRY(const LoadedPlan* loaded, workspace.plan());
  const plan::Source* found = loaded->plan.find_source(source);
  if (found == nullptr)
    return Error{ErrorKind::kNotFound, "the plan has no source " + source,
                 plan::suggestion(source, plan::names_of(loaded->plan.sources))};
  REPRIEVE_TRY(plan::Plan turned, turned_to_copy(workspace, loaded->plan, names, *found, target));
  const auto environment = environment_of(workspace, turned, io::parent_of(loaded->path));
  const auto* postgres = std::get_if<plan::PostgresSource>(&found->kind);
  if (postgres == nullptr) return run_named(environment, names);

  SideInstanceOptions options;
  options.data_directory = target;
  options.user = postgres->user;
  options.database = postgres->database;
  std::vector<recovery::CheckResult> results;
  REPRIEVE_RETURN_IF_ERROR(
      look_at_cluster(options, system_clock(), cancel, [&](const std::string& folder) -> Result<> {
        for (plan::Source& candidate : turned.sources) {
          if (candidate.name != source) continue;
          auto& copy = std::get<plan::PostgresSource>(candidate.kind);
          copy.host = folder;
          copy.port = kSideInstancePort;
          copy.password.reset();  // The private server trusts who may enter its folder.
        }
        REPRIEVE_TRY(results, run_named(environment, names));
        return kOk;
      }));
  return results;
}

std::string current_person() {
  if (const char* sudo_user = std::getenv("SUDO_USER"); sudo_user != nullptr) return sudo_user;
  return io::current_user().name;
}

}  // namespace reprieve::app
