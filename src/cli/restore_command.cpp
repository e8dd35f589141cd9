#include <charconv>
#include <filesystem>

#include "app/jobs.hpp"
#include "base/format.hpp"
#include "base/local_time.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

struct RestoreArguments {
  std::string source;
  app::RestoreChoices choices;
  std::vector<std::string> tablespaces;
};

Json to_json(const app::RestoreOutcome& outcome, const RestoreArguments& arguments) {
  Json json = {{"schema", "reprieve.restore/1"},
               {"source", outcome.point.description.source},
               {"point", outcome.point.id.hex()},
               {"data_time", format_rfc3339(outcome.point.description.data_time)},
               {"into", arguments.choices.into},
               {"dry_run", arguments.choices.is_dry_run},
               {"files", outcome.files},
               {"bytes", outcome.bytes},
               {"files_written", outcome.files_written},
               {"bytes_written", outcome.bytes_written},
               {"bytes_kept", outcome.bytes_kept},
               {"files_unchanged", outcome.files_unchanged},
               {"deleted", outcome.deleted},
               {"cluster", outcome.cluster},
               {"log", outcome.log},
               {"notes", outcome.notes},
               {"problems", Json::array()}};
  if (!outcome.log.is_null() && !outcome.log["recovered_to"].is_null())
    json["recovered_to"] = outcome.log["recovered_to"];
  for (const Problem& problem : outcome.problems)
    json["problems"].push_back(cli::to_json(problem));
  return json;
}

std::string log_text(const Json& log) {
  std::string text = "Recovery will replay the log ";
  if (log["target"].is_null())
    text += "to its end, " + log["to_lsn"].get<std::string>();
  else
    text += "up to " + log["target"].get<std::string>();
  text += fmt::format(" on timeline {}", log["timeline"].get<std::uint32_t>());
  if (!log["last_commit"].is_null())
    text += "; latest commit " + log["last_commit"].get<std::string>();
  return text + ".";
}

void tell(const Console& console, const app::RestoreOutcome& outcome,
          const RestoreArguments& arguments, Duration elapsed) {
  const bool is_dry_run = arguments.choices.is_dry_run;
  console.say(fmt::format(
      "{}{}: point {} of {} into {}", is_dry_run ? "Would restore " : "Restored ",
      printable(outcome.point.description.source), app::short_id(outcome.point.id),
      format_rfc3339(outcome.point.description.data_time), printable(arguments.choices.into)));
  console.say(fmt::format("  {}, {}: {} ({}) {}, {} unchanged, {} deleted, in {}",
                          format_count(outcome.files, "file"), format_size(outcome.bytes),
                          format_count(outcome.files_written), format_size(outcome.bytes_written),
                          is_dry_run ? "to write" : "written",
                          format_count(outcome.files_unchanged), format_count(outcome.deleted),
                          format_duration(elapsed)));
  if (outcome.bytes_kept > 0)
    console.say(fmt::format("  {} {} taken over from files that were there",
                            format_size(outcome.bytes_kept), is_dry_run ? "would be" : "were"));
  if (!outcome.log.is_null()) console.say("  " + log_text(outcome.log));
  for (const std::string& note : outcome.notes)
    console.say("  " + note);
  if (outcome.is_postgres && !is_dry_run)
    console.say(fmt::format("  Start it with `pg_ctl -D {} start` of PostgreSQL {}.",
                            printable(arguments.choices.into),
                            outcome.cluster.value("server_version", "")));
  if (outcome.problems.empty()) return;
  console.warn(fmt::format("{} could not be restored as they were:", outcome.problems.size()));
  console.list(outcome.problems);
}

Result<> parse_tablespaces(RestoreArguments& arguments) {
  for (const std::string& text : arguments.tablespaces) {
    const std::size_t equals = text.find('=');
    std::uint32_t oid = 0;
    const auto parsed =
        std::from_chars(text.data(), text.data() + std::min(equals, text.size()), oid);
    if (equals == std::string::npos || parsed.ec != std::errc{} || parsed.ptr != &text[equals])
      return Error{ErrorKind::kInvalid, "--tablespace " + text + " is not OID=PATH",
                   "Write it as 16385=/new/place; the oids are in the restore's error or summary."};
    arguments.choices.tablespaces[oid] = text.substr(equals + 1);
  }
  return kOk;
}

Result<int> run_restore(const Invocation& invocation, RestoreArguments arguments,
                        const Console& console) {
  REPRIEVE_RETURN_IF_ERROR(parse_tablespaces(arguments));
  const std::string& to_time = arguments.choices.to_time;
  if (!to_time.empty() && !parse_rfc3339(to_time)) return not_a_moment(to_time);
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  const std::string source = app::point_source_name(workspace, arguments.source);
  arguments.choices.into =
      std::filesystem::absolute(arguments.choices.into).lexically_normal().string();
  if (const app::LoadedPlan* loaded = workspace.plan_if_any();
      arguments.choices.owner.empty() && loaded) {
    const plan::Source* named = loaded->plan.find_source(source);
    const auto* postgres =
        named == nullptr ? nullptr : std::get_if<plan::PostgresSource>(&named->kind);
    if (postgres != nullptr) arguments.choices.owner = postgres->os_user;
  }
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository());
  const Duration started = system_clock().uptime();
  Progress progress;
  auto bar = start_progress(invocation, "Restoring " + printable(source), progress);
  auto outcome =
      app::restore(workspace, open, source, arguments.choices, progress, invocation.cancel);
  bar.reset();
  if (!outcome) return std::move(outcome).error();
  console.result(to_json(*outcome, arguments));
  tell(console, *outcome, arguments, system_clock().uptime() - started);
  return outcome->problems.empty() ? kExitDone : kExitDoneWithProblems;
}

}  // namespace

void add_restore(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand("restore", "Write a recovery point into a folder");
  auto arguments = std::make_shared<RestoreArguments>();
  auto& choices = arguments->choices;
  command->add_option("source", arguments->source, "A name from the plan, a path or a URL")
      ->required();
  command->add_option(
      "--at", choices.at,
      "POINT, restored as it is: id, name, latest, latest-verified, or a time (default: the "
      "latest, "
      "of a database with all its log). With a target: the one that the log is replayed on");
  auto* targets = command->add_option_group("target");
  targets->add_option("--to-time", choices.to_time,
                      "A moment (RFC 3339): databases replay their log up to it; else the newest "
                      "point that is not younger");
  targets->add_option("--to-lsn", choices.log.to_lsn, "Databases: replay the log up to an LSN");
  targets->add_option("--to-name", choices.log.to_name, "Databases: ... up to a restore point");
  targets->add_option("--to-xid", choices.log.to_transaction, "Databases: ... up to a transaction");
  targets->add_flag("--to-latest", choices.log.is_to_latest,
                    "Databases: replay all the log there is (the default without --at)");
  targets->require_option(0, 1);
  command->add_flag("--exclusive", choices.log.is_exclusive,
                    "Databases: stop before the target and not behind it");
  command->add_flag("--pause", choices.log.is_pausing,
                    "Databases: the server waits at the target, read-only, for "
                    "`SELECT pg_wal_replay_resume()`");
  command->add_option("--timeline", choices.log.timeline,
                      "Databases: on which timeline, if not the newest");
  command->add_option("--into", choices.into, "The folder; made if it is not there")->required();
  command->add_option("--only", choices.only, "Only this path and what is below it; repeatable");
  command->add_option("--root", choices.root, "Only this one of a source's several paths");
  command->add_flag("--dry-run", choices.is_dry_run, "Say what would be written, write nothing");
  command->add_flag("--delete", choices.is_deleting_extra,
                    "Files: remove what the recovery point does not have");
  command->add_flag("--sync", choices.is_durable, "Files: wait until everything is on the disk");
  auto* replace =
      command->add_flag("--replace", choices.is_replacing,
                        "Databases: empty the stopped data directory of the same cluster first");
  command
      ->add_flag("--delta", choices.is_delta,
                 "Databases: write only what differs into the stopped data directory of the same "
                 "cluster, remove what is too much, and keep its old log")
      ->excludes(replace);
  command->add_flag("--drill", choices.is_drill,
                    "Databases: a copy beside the original that talks to nobody");
  command->add_option("--owner", choices.owner, "Databases: the OS user that owns the files");
  command->add_option("--tablespace", arguments->tablespaces,
                      "Databases: OID=PATH, another place for a tablespace");
  command->footer(
      "Writes only what differs, deletes nothing it was not told to, stays inside the folder, and\n"
      "may be run again after an interruption. A single captured folder's content goes straight\n"
      "into the target. A database restore leaves a data directory that only has to be started.\n\n"
      "Examples:\n"
      "  reprieve restore /srv/data --at latest --into /tmp/out\n"
      "  reprieve restore uploads --at 2026-11-19T02:00:00Z --only 2026/11 --into /tmp/out\n"
      "  reprieve restore shopdb --into /var/lib/postgresql/15/restored\n"
      "  reprieve restore shopdb --to-time 2026-11-19T14:49:00Z --into /srv/pg\n"
      "  reprieve restore shopdb --into /var/lib/postgresql/15/main --delta");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_restore(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
