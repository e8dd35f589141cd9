#include <charconv>
#include <vector>

#include "app/jobs.hpp"
#include "app/live_replicas.hpp"
#include "app/replicas.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/replica_output.hpp"
#include "plan/units.hpp"

namespace reprieve::cli {
namespace {

struct BackupArguments {
  std::vector<std::string> sources;
  bool is_from_command = false;
  std::string command_output;  // What --stdin-from-command keeps; its words are in `sources`.
  std::string compression = "auto";
  std::string checkpoint_every;
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
               {"files_removed", statistics.files_removed},
               {"files_renamed", statistics.files_renamed},
               {"bytes", statistics.bytes},
               {"bytes_new", statistics.bytes_new},
               {"bytes_dense", statistics.bytes_dense},
               {"bytes_stored", statistics.bytes_stored},
               {"duration_ms", statistics.duration_ms},
               {"problems", Json::array()}};
  for (const Problem& problem : outcome.problems)
    json["problems"].push_back(cli::to_json(problem));
  return json;
}

std::string removed_text(const repository::Statistics& statistics) {
  if (statistics.files_removed == 0) return "";
  std::string text = "; " + format_count(statistics.files_removed) + " removed";
  if (statistics.files_renamed != 0)
    text += ", " + format_count(statistics.files_renamed) + " of them renamed";
  return text;
}

void tell(const Console& console, const app::NamedSource& source,
          const backup::BackupOutcome& outcome) {
  const auto& statistics = outcome.snapshot.statistics;
  const double seconds = static_cast<double>(statistics.duration_ms) / 1000;
  console.say(fmt::format("{}: recovery point {} of {}", printable(source.name),
                          app::short_id(outcome.snapshot.id),
                          format_rfc3339(outcome.snapshot.time)));
  console.say(fmt::format(
      "  {} ({} new, {} changed, {} unchanged{}), {}, {}", format_count(statistics.files, "file"),
      format_count(statistics.files_new), format_count(statistics.files_changed),
      format_count(statistics.files_unchanged), removed_text(statistics),
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

Result<app::NamedSource> command_source(const std::string& name, std::vector<std::string> argv) {
  if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
    return Error{ErrorKind::kInvalid, "'" + name + "' cannot be a file's name",
                 "Say what the command's output shall be called, as in "
                 "--stdin-from-command ldap.ldif -- slapcat."};
  if (argv.empty())
    return Error{ErrorKind::kInvalid, "--stdin-from-command needs a command",
                 "Give it after --, as in --stdin-from-command ldap.ldif -- slapcat."};
  return app::NamedSource{name, CommandSourceOptions{std::move(argv), name}};
}

Result<std::vector<app::NamedSource>> wanted_sources(const app::Workspace& workspace,
                                                     const BackupArguments& arguments) {
  const std::vector<std::string>& given = arguments.sources;
  if (arguments.is_from_command) {
    REPRIEVE_TRY(app::NamedSource source, command_source(arguments.command_output, given));
    return std::vector{std::move(source)};
  }
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

Result<app::BackupChoices> choices_of(const BackupArguments& arguments) {
  app::BackupChoices choices = arguments.choices;
  if (arguments.compression != "auto") {
    int level = 0;
    const std::string& text = arguments.compression;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), level);
    if (error != std::errc{} || end != text.data() + text.size() || level < 1 || level > 19)
      return Error{ErrorKind::kInvalid, "--compression takes auto or a level, not " + text,
                   "Levels go from 1 (quick) to 19 (small)."};
    choices.compression_level = level;
  }
  if (!arguments.checkpoint_every.empty()) {
    const auto interval = plan::parse_duration(arguments.checkpoint_every);
    if (!interval)
      return Error{ErrorKind::kInvalid,
                   "--checkpoint-every takes a duration, not " + arguments.checkpoint_every,
                   "Write it as 30s or 5m."};
    choices.checkpoint_interval = *interval;
  }
  return choices;
}

Result<int> back_up(const Invocation& invocation, const BackupArguments& arguments,
                    const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const auto sources, wanted_sources(workspace, arguments));
  REPRIEVE_TRY(const app::BackupChoices choices, choices_of(arguments));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  REPRIEVE_TRY(auto live, app::LiveReplicas::start(invocation.options, choices.checkpoint_interval,
                                                   invocation.cancel));
  Json done = Json::array();
  bool has_problems = false;
  for (const app::NamedSource& source : sources) {
    Progress progress;
    auto bar = start_progress(invocation, "Backing up " + printable(source.name), progress);
    auto outcome = app::back_up(workspace, open, source, choices, progress, invocation.cancel);
    bar.reset();
    if (!outcome) return std::move(outcome).error();
    tell(console, source, *outcome);
    done.push_back(to_json(source, *outcome));
    has_problems = has_problems || !outcome->problems.empty();
    // Later sources are compared with what this one stored.
    REPRIEVE_RETURN_IF_ERROR(open.repository->refresh());
  }
  REPRIEVE_RETURN_IF_ERROR(app::keep_kit(workspace, open, invocation.cancel));
  live.reset();
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
  command->add_option("--compression", arguments->compression,
                      "zstd level, 1 (quick) to 19 (small), or auto: as hard as the store leaves\n"
                      "time for (default)");
  command
      ->add_option("--stdin-from-command", arguments->command_output,
                   "Keep what a command writes, as a file of this name; the command comes after --")
      ->each([arguments](const std::string&) { arguments->is_from_command = true; });
  command->add_option("--checkpoint-every", arguments->checkpoint_every,
                      "How often what is stored is put on record, so that after a crash the next\n"
                      "backup goes on there, and copied to the replicas (default: 5m)");
  command->footer(
      "Exit code 3: done, but something changed or could not be read meanwhile (it is kept, "
      "marked\n"
      "and listed), or a replica could not be brought up to date.\n\n"
      "Examples:\n"
      "  reprieve backup                      # everything that the plan names\n"
      "  reprieve backup /srv/data --name before-upgrade\n"
      "  reprieve backup postgres://backup@db.internal/shop\n"
      "  reprieve backup --stdin-from-command ldap.ldif -- slapcat -n 1\n"
      "                                       # fails, and keeps nothing, if slapcat fails");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return back_up(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
