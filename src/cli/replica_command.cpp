#include "app/replicas.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/replica_output.hpp"

namespace reprieve::cli {
namespace {

Error no_replica_named() {
  return {ErrorKind::kInvalid, "no replica was named",
          "Give --repo again for each: the first is the primary, the others are its "
          "replicas. Or write them into the plan, with replica_of (docs/plan.md)."};
}

Result<std::vector<app::ReplicaOutcome>> sync(const Invocation& invocation,
                                              const repository::SyncOptions& options) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const auto places, workspace.replica_places());
  if (places.empty()) return no_replica_named();
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  Progress progress;
  auto bar = start_progress(invocation, options.is_dry_run ? "Comparing" : "Copying", progress);
  return app::sync_replicas(workspace, open, options, progress, invocation.cancel);
}

/// What lost or damaged objects mean comes before what a store that is away means.
int exit_code_of(const std::vector<app::ReplicaOutcome>& outcomes) {
  int code = kExitDone;
  for (const app::ReplicaOutcome& outcome : outcomes) {
    if (outcome.report && !outcome.is_complete()) return kExitCorrupt;
    if (outcome.error && code == kExitDone) code = reprieve::exit_code_of(outcome.error->kind);
  }
  return code;
}

Result<int> run_sync(const Invocation& invocation, const repository::SyncOptions& options,
                     const Console& console) {
  REPRIEVE_TRY(const auto outcomes, sync(invocation, options));
  console.result({{"schema", "reprieve.sync/1"}, {"replicas", to_json(outcomes)}});
  if (tell(console, outcomes)) console.say("Every replica has all that the primary has.");
  return exit_code_of(outcomes);
}

std::string lag_of(const repository::SyncReport& report, Instant now) {
  if (!report.oldest_missing_point) return "none";
  return format_duration(now - *report.oldest_missing_point);
}

Result<int> run_stores(const Invocation& invocation, const Console& console) {
  repository::SyncOptions options;
  options.is_dry_run = true;
  REPRIEVE_TRY(const auto outcomes, sync(invocation, options));
  console.result({{"schema", "reprieve.stores/1"}, {"replicas", to_json(outcomes)}});
  const Instant now = system_clock().now();
  std::vector<std::vector<std::string>> rows = {
      {"REPLICA", "POINTS MISSING", "OLDEST", "OBJECTS", "BYTES", "STATE"}};
  for (const app::ReplicaOutcome& outcome : outcomes) {
    if (outcome.error) {
      rows.push_back({outcome.store, "?", "?", "?", "?", outcome.error->what});
      continue;
    }
    const repository::SyncReport& report = *outcome.report;
    rows.push_back({outcome.store, format_count(report.points_missing), lag_of(report, now),
                    format_count(report.objects_missing), format_size(report.bytes_missing),
                    !report.lost.empty()          ? "has what the primary lost"
                    : report.objects_missing == 0 ? "up to date"
                                                  : "behind"});
  }
  console.show(table(rows, {false, true, true, true, true, false}));
  return exit_code_of(outcomes);
}

Result<int> run_promote(const Invocation& invocation, bool is_primary_lost,
                        const Console& console) {
  if (!is_primary_lost)
    return Error{ErrorKind::kInvalid,
                 "a replica is promoted only when its primary is lost for ever",
                 "If nothing writes to the primary any more, nor ever will, say so with "
                 "--primary-is-lost."};
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const auto replicas, workspace.replica_places());
  if (!replicas.empty())
    return Error{ErrorKind::kInvalid, "several stores were named",
                 "Name only the replica that is to be the primary."};
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kRead));
  REPRIEVE_RETURN_IF_ERROR(repository::promote_replica(*open.repository));
  console.result({{"schema", "reprieve.promote/1"}, {"store", open.store->describe()}});
  console.say(open.store->describe() + " is the primary now: name it first from here on.");
  console.say(
      "Should the old primary come back, do not write to it: empty it and make it a replica of "
      "this one\nwith `reprieve repo sync --new`.");
  return kExitDone;
}

}  // namespace

void add_replicas(CLI::App& group, Invocation& invocation) {
  auto* sync = group.add_subcommand("sync", "Bring the replicas up to date");
  auto options = std::make_shared<repository::SyncOptions>();
  sync->add_flag("--new", options->is_new, "Make replicas of places that are empty or not there");
  sync->add_flag("--dry-run", options->is_dry_run, "Only say what they lack");
  sync->footer(
      "The first --repo is the primary, which backups write to; each further one is a replica.\n"
      "Objects are proved before they are copied. May be stopped at any time: the next run goes\n"
      "on. Exit code 7 if the primary has damaged or lost something.\n\n"
      "Example:\n"
      "  reprieve --repo /srv/repo --repo 's3://bucket/repo?region=eu-central-1' repo sync --new");
  sync->callback([&invocation, options] {
    invocation.run = [&invocation, options](const Console& console) {
      return finish(console, [&] { return run_sync(invocation, *options, console); });
    };
  });

  auto* stores = group.add_subcommand("stores", "Show how far the replicas are behind");
  stores->footer("Example:\n  reprieve --repo /srv/repo --repo /mnt/far/repo repo stores");
  stores->callback([&invocation] {
    invocation.run = [&invocation](const Console& console) {
      return finish(console, [&] { return run_stores(invocation, console); });
    };
  });

  auto* promote = group.add_subcommand("promote", "Make a replica the primary");
  auto is_lost = std::make_shared<bool>(false);
  promote->add_flag("--primary-is-lost", *is_lost,
                    "Nothing writes to the old primary any more, nor ever will");
  promote->footer(
      "For when the primary is lost for ever: backups can be written to the replica from then on.\n"
      "To restore needs no promotion.\n\n"
      "Example:\n  reprieve --repo /mnt/far/repo repo promote --primary-is-lost");
  promote->callback([&invocation, is_lost] {
    invocation.run = [&invocation, is_lost](const Console& console) {
      return finish(console, [&] { return run_promote(invocation, *is_lost, console); });
    };
  });
}

}  // namespace reprieve::cli
