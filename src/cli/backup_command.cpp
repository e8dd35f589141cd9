#include <vector>

#include "app/jobs.hpp"
#include "app/replicas.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/replica_output.hpp"

namespace reprieve::cli {
namespace {

struct BackupArguments {
  std::vector<std::string> sources;
  app::BackupChoices choices;
};

Json to_json(const app::NamedSource& source, const backup::BackupOutcome& outcome) {
  const auto& snapshot = outcome.snapshot;
  const auto& statistics = snapshot.statistics;
  Json json = {{"source", source.name},
               {"point", snapshot.id.hex()},
               {"time", format_rfc3339(snapshot.time)},
               {"data_time", format_rfc3339(snapshot.description.data_time)},
               {"files", statistics.files},
               {"directories", statistics.directories},
               {"files_new", statistics.files_new},
               {"files_changed", statistics.files_changed},
               {"files_unchanged", statistics.files_unchanged},
               {"bytes", statistics.bytes},
               {"bytes_new", statistics.bytes_new},
               {"bytes_stored", statistics.bytes_stored},
               {"duration_ms", statistics.duration_ms},
               {"problems", Json::array()}};
  for (const Problem& problem : outcome.problems)
    json["problems"].push_back(cli::to_json(problem));
  return json;
}

void tell(const Console& console, const app::NamedSource& source,
          const backup::BackupOutcome& outcome) {
  const auto& statistics = outcome.snapshot.statistics;
  const double seconds = static_cast<double>(statistics.duration_ms) / 1000;
  console.say(fmt::format("{}: recovery point {} of {}", printable(source.name),
                          app::short_id(outcome.snapshot.id),
                          format_rfc3339(outcome.snapshot.time)));
  console.say(
      fmt::format("  {} ({} new, {} changed, {} unchanged), {}, {}",
                  format_count(statistics.files, "file"), format_count(statistics.files_new),
                  format_count(statistics.files_changed), format_count(statistics.files_unchanged),
                  format_count(statistics.directories, "folder"), format_size(statistics.bytes)));
  console.say(fmt::format("  {} new, {} stored, in {:.1f} s ({}/s)",
                          format_size(statistics.bytes_new), format_size(statistics.bytes_stored),
                          seconds,
                          format_size(static_cast<std::uint64_t>(
                              static_cast<double>(statistics.bytes) / std::max(seconds, 0.001)))));
  if (outcome.problems.empty()) return;
  console.warn(fmt::format("{}: {} could not be kept as they are:", printable(source.name),
                           outcome.problems.size()));
  console.list(outcome.problems);
}

Result<std::vector<app::NamedSource>> wanted_sources(const app::Workspace& workspace,
                                                     const std::vector<std::string>& given) {
  if (given.empty()) return app::all_sources(workspace);
  std::vector<app::NamedSource> sources;
  for (const std::string& name : given) {
    REPRIEVE_TRY(app::NamedSource source, app::find_source(workspace, name));
    sources.push_back(std::move(source));
  }
  return sources;
}

Result<std::vector<app::ReplicaOutcome>> sync_replicas(const Invocation& invocation,
                                                       const app::Workspace& workspace,
                                                       app::OpenRepository& open) {
  REPRIEVE_TRY(const auto places, workspace.replica_places());
  if (places.empty()) return std::vector<app::ReplicaOutcome>{};
  Progress progress;
  auto bar = start_progress(invocation, "Copying to the replicas", progress);
  return app::sync_replicas(workspace, open, {}, progress, invocation.cancel);
}

Result<int> back_up(const Invocation& invocation, const BackupArguments& arguments,
                    const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const auto sources, wanted_sources(workspace, arguments.sources));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  Json done = Json::array();
  bool has_problems = false;
  for (const app::NamedSource& source : sources) {
    Progress progress;
    auto bar = start_progress(invocation, "Backing up " + printable(source.name), progress);
    auto outcome =
        app::back_up(workspace, open, source, arguments.choices, progress, invocation.cancel);
    bar.reset();
    if (!outcome) return std::move(outcome).error();
    tell(console, source, *outcome);
    done.push_back(to_json(source, *outcome));
    has_problems = has_problems || !outcome->problems.empty();
    // Later sources are compared with what this one stored.
    REPRIEVE_RETURN_IF_ERROR(open.repository->refresh());
  }
  REPRIEVE_RETURN_IF_ERROR(app::keep_kit(workspace, open, invocation.cancel));
  REPRIEVE_TRY(const auto replicas, sync_replicas(invocation, workspace, open));
  console.result(
      {{"schema", "reprieve.backup/1"}, {"backups", done}, {"replicas", cli::to_json(replicas)}});
  if (!cli::tell(console, replicas)) {
    console.warn("The recovery points are safe in the primary; `reprieve repo sync` catches up.");
    has_problems = true;
  }
  return has_problems ? kExitDoneWithProblems : kExitDone;
}

}  // namespace

void add_backup(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand("backup", "Take a recovery point now");
  auto arguments = std::make_shared<BackupArguments>();
  command->add_option("source", arguments->sources,
                      "Names from the plan, paths, or postgres:// URLs (default: all of the plan)");
  command->add_option("--name", arguments->choices.name, "A name for the recovery point");
  command->add_option("--tag", arguments->choices.tags, "A tag; may be given several times");
  command
      ->add_option("--compression", arguments->choices.compression_level,
                   "zstd level, 1 (quick) to 19 (small)")
      ->check(CLI::Range(1, 19));
  command->footer(
      "Exit code 3: done, but something changed or could not be read meanwhile (it is kept, "
      "marked\n"
      "and listed), or a replica could not be brought up to date.\n\n"
      "Examples:\n"
      "  reprieve backup                      # everything that the plan names\n"
      "  reprieve backup /srv/data --name before-upgrade\n"
      "  reprieve backup postgres://backup@db.internal/shop");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return back_up(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
