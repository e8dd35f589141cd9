#include "app/log_prune.hpp"
#include "app/points.hpp"
#include "app/prune_job.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/log_output.hpp"
#include "cli/replica_output.hpp"
#include "plan/units.hpp"

namespace reprieve::cli {
namespace {

struct PruneArguments {
  repository::RetentionRule rule;
  std::string within;
  std::string min_age;
  std::string fence_after;
  double unused_max_percent = 30;
  bool is_fencing_now = false;
  bool is_dry_run = false;
  bool is_without_replicas = false;
};

Result<std::optional<Duration>> parse_age(const std::string& flag, const std::string& text) {
  if (text.empty()) return std::optional<Duration>{};
  const auto duration = plan::parse_duration(text);
  if (duration) return duration;
  return Error{ErrorKind::kInvalid, flag + " takes a duration, not " + text,
               "Write it as 36h or 14d."};
}

Result<app::PruneChoices> choices_of(const PruneArguments& arguments) {
  app::PruneChoices choices;
  repository::RetentionRule rule = arguments.rule;
  REPRIEVE_TRY(rule.within, parse_age("--keep-within", arguments.within));
  REPRIEVE_TRY(choices.min_age, parse_age("--min-age", arguments.min_age));
  REPRIEVE_TRY(const auto fence_after, parse_age("--fence-after", arguments.fence_after));
  if (choices.min_age) rule.min_age = *choices.min_age;
  if (!rule.is_empty()) choices.rule = rule;
  if (fence_after) choices.options.fence_after = *fence_after;
  if (arguments.unused_max_percent < 0 || arguments.unused_max_percent > 100)
    return Error{ErrorKind::kInvalid, "--max-unused takes a share of 0 to 100 per cent",
                 "Leave it out for 30."};
  choices.options.unused_max = arguments.unused_max_percent / 100;
  choices.options.is_fencing_now = arguments.is_fencing_now;
  choices.options.is_dry_run = arguments.is_dry_run;
  return choices;
}

Json to_json(const repository::PruneReport& report, bool is_dry_run) {
  Json json = {{"schema", "reprieve.prune/1"},
               {"dry_run", is_dry_run},
               {"points", Json::array()},
               {"points_removed", report.points_removed},
               {"packs_deleted", report.packs_deleted},
               {"packs_refused", report.packs_refused},
               {"bytes_refused", report.bytes_refused},
               {"refusal", report.refusal},
               {"packs_copied", report.packs_copied},
               {"bytes_freed", report.bytes_freed},
               {"bytes_written", report.bytes_written},
               {"bytes_kept", report.bytes_kept},
               {"bytes_reclaimable", report.bytes_reclaimable},
               {"sessions_fenced", report.sessions_fenced},
               {"waiting", Json::array()}};
  for (const auto& [point, verdict] : report.points)
    json["points"].push_back({{"id", point.id.hex()},
                              {"source", point.description.source},
                              {"name", point.description.name},
                              {"time", format_rfc3339(point.time)},
                              {"kept", verdict.is_kept},
                              {"reason", verdict.reason}});
  for (const auto& waiting : report.waiting) {
    Json item = {{"packs", waiting.packs}, {"bytes", waiting.bytes}, {"session", nullptr}};
    if (!waiting.session.empty()) {
      item["session"] = waiting.session;
      item["writer"] = to_hex(waiting.writer);
      item["began"] = format_rfc3339(waiting.began);
    }
    json["waiting"].push_back(std::move(item));
  }
  return json;
}

void show_points(const Console& console, const repository::PruneReport& report) {
  std::vector<std::vector<std::string>> rows = {{"POINT", "SOURCE", "TAKEN", "VERDICT", "WHY"}};
  for (const auto& [point, verdict] : report.points)
    rows.push_back({app::short_id(point.id), printable(point.description.source),
                    format_rfc3339(Instant{point.time.nanoseconds / 1'000'000'000 * 1'000'000'000}),
                    verdict.is_kept ? "keep" : "remove", printable(verdict.reason)});
  console.show(table(rows));
}

void tell_waiting(const Console& console, const repository::PruneReport::Waiting& waiting,
                  Duration fence_after) {
  const std::string size = format_size(waiting.bytes);
  if (waiting.session.empty()) {
    console.say(size + " wait for the next prune: a backup that has just ended still uses them.");
    return;
  }
  console.say(fmt::format(
      "{} wait for the backup session of writer {}, begun {}; it is fenced off when it is {} "
      "old, or now with --fence.",
      size, to_hex(waiting.writer).substr(0, 12), format_rfc3339(waiting.began),
      format_duration(fence_after)));
}

/// What is pruned must not have been the only good copy: so the replicas have all that there is,
/// each object proved as it was copied, before anything goes.
Result<> complete_replicas(const Invocation& invocation, const app::Workspace& workspace,
                           app::OpenRepository& open) {
  Progress progress;
  REPRIEVE_TRY(const auto outcomes,
               app::sync_replicas(workspace, open, {}, progress, invocation.cancel));
  for (const app::ReplicaOutcome& outcome : outcomes) {
    if (outcome.is_complete()) continue;
    return Error{ErrorKind::kConflict,
                 "nothing was pruned, for the replica " + outcome.store + " is not complete" +
                     (outcome.error ? ": " + outcome.error->what : std::string{}),
                 "Look at it with `reprieve repo sync`, or prune with --without-replicas: what "
                 "replicas lack then is not copied to them before it goes."};
  }
  return kOk;
}

void show_plan(const Console& console, const repository::PruneReport& report) {
  show_points(console, report);
  console.say(fmt::format("{} would go; {} could be given back.",
                          format_count(report.points_removed, "recovery point"),
                          format_size(report.bytes_reclaimable)));
}

void tell(const Console& console, const repository::PruneReport& report, Duration fence_after) {
  console.say(
      fmt::format("{} removed; {} freed in {}; {} copied ({} written).",
                  format_count(report.points_removed, "recovery point"),
                  format_size(report.bytes_freed), format_count(report.packs_deleted, "pack"),
                  format_count(report.packs_copied, "pack"), format_size(report.bytes_written)));
  if (report.sessions_fenced > 0)
    console.say(
        fmt::format("{} fenced off.", format_count(report.sessions_fenced, "unfinished session")));
  if (!report.refusal.empty())
    console.say(fmt::format("{} stay for now, for the store does not let them go ({}).",
                            format_size(report.bytes_refused), report.refusal));
  for (const auto& waiting : report.waiting)
    tell_waiting(console, waiting, fence_after);
}

Result<int> run_prune(const Invocation& invocation, const PruneArguments& arguments,
                      const Console& console) {
  REPRIEVE_TRY(const app::PruneChoices choices, choices_of(arguments));
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  const bool is_dry_run = arguments.is_dry_run;
  REPRIEVE_TRY(
      app::OpenRepository open,
      workspace.open_repository(is_dry_run ? app::Purpose::kReadFirst : app::Purpose::kWrite));
  if (!choices.rule && workspace.plan_if_any() == nullptr)
    console.warn("note: neither a plan nor a --keep flag says what may go: every point stays");
  const bool is_with_replicas = !is_dry_run && !arguments.is_without_replicas;
  if (is_with_replicas) REPRIEVE_RETURN_IF_ERROR(complete_replicas(invocation, workspace, open));
  REPRIEVE_TRY(const auto report, app::prune(workspace, open, choices, invocation.cancel));
  REPRIEVE_TRY(const auto kept, app::kept_points(open, report, is_dry_run));
  REPRIEVE_TRY(const auto log, app::prune_log(open, kept, is_dry_run, invocation.cancel));
  std::vector<app::ReplicaOutcome> replicas;
  if (is_with_replicas) {
    Progress progress;
    REPRIEVE_TRY(replicas, app::sync_replicas(workspace, open, {}, progress, invocation.cancel));
    REPRIEVE_RETURN_IF_ERROR(
        app::prune_replica_logs(workspace, open, kept, replicas, invocation.cancel));
  }
  Json json = to_json(report, is_dry_run);
  json["log"] = cli::to_json(log);
  json["replicas"] = cli::to_json(replicas);
  console.result(json);
  if (is_dry_run)
    show_plan(console, report);
  else
    tell(console, report, choices.options.fence_after);
  cli::tell(console, log, is_dry_run);
  return cli::tell(console, replicas) ? kExitDone : kExitDoneWithProblems;
}

void add_rule(CLI::App& command, PruneArguments& arguments) {
  command.add_option("--keep-last", arguments.rule.last, "Keep so many points");
  command.add_option("--keep-hourly", arguments.rule.hourly, "Keep one in each of so many hours");
  command.add_option("--keep-daily", arguments.rule.daily, "Keep one in each of so many days");
  command.add_option("--keep-weekly", arguments.rule.weekly, "Keep one in each of so many weeks");
  command.add_option("--keep-monthly", arguments.rule.monthly,
                     "Keep one in each of so many months");
  command.add_option("--keep-yearly", arguments.rule.yearly, "Keep one in each of so many years");
  command.add_option("--keep-within", arguments.within, "Keep all that are younger, as 14d");
  command.add_option("--keep-tag", arguments.rule.tags, "Keep all with this tag; may be repeated");
}

}  // namespace

void add_prune(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand(
      "prune", "Remove recovery points that no rule keeps, and give their space back");
  auto arguments = std::make_shared<PruneArguments>();
  add_rule(*command, *arguments);
  command->add_option("--min-age", arguments->min_age,
                      "Remove no point that is younger (default: 24h)");
  command->add_option(
      "--max-unused", arguments->unused_max_percent,
      "Rewrite packs with a larger share of dead bytes, in per cent (default: 30; 0, "
      "with a key that reads data: no dead byte stays anywhere)");
  command->add_option("--fence-after", arguments->fence_after,
                      "Fence unfinished backups off when they are older (default: 3d)");
  command->add_flag("--fence", arguments->is_fencing_now, "Fence all unfinished backups off now");
  command->add_flag("--dry-run", arguments->is_dry_run, "Only say what would go, and why");
  command->add_flag("--without-replicas", arguments->is_without_replicas,
                    "Neither bring the replicas up to date first nor remove there what goes here");
  command->footer(
      "Without a --keep flag the plan's policies decide, for each source its own; points of a\n"
      "source that no policy names stay, as do held points and the newest point of each source.\n"
      "Backups may run meanwhile. Of a database's received log goes what no recovery point that\n"
      "stays needs, and what a longer piece holds as well.\n\n"
      "Examples:\n"
      "  reprieve prune --dry-run\n"
      "  reprieve prune --keep-daily 30 --keep-monthly 12");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_prune(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
