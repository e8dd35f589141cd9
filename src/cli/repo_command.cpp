#include <map>

#include "app/kit.hpp"
#include "app/points.hpp"
#include "app/repair_job.hpp"
#include "app/workspace.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "repository/verify.hpp"

namespace reprieve::cli {
namespace {

Json to_json(const app::RepairOutcome& outcome, bool is_dry_run) {
  Json left = Json::array();
  for (const repository::Damage& damage : outcome.report.left)
    left.push_back({{"object", damage.object}, {"what", damage.what}});
  Json losses = Json::array();
  for (const app::PointLoss& loss : outcome.losses) {
    Json paths = Json::array();
    for (const Problem& problem : loss.paths)
      paths.push_back(cli::to_json(problem));
    losses.push_back({{"point", loss.point.id.hex()},
                      {"source", loss.point.description.source},
                      {"paths", paths}});
  }
  return {{"schema", "reprieve.repair/1"},
          {"dry_run", is_dry_run},
          {"healed", outcome.report.healed},
          {"left", left},
          {"marked_lost", outcome.report.is_marked ? outcome.report.lost.packs.size() : 0},
          {"lost", losses},
          {"looked_through", outcome.is_looked_through}};
}

/// What damage beyond healing costs, and what becomes of it.
void tell_losses(const app::RepairOutcome& outcome, bool is_dry_run, const Console& console) {
  if (!outcome.is_looked_through)
    console.warn("This key cannot tell which files that costs; a reader's or an admin's can.");
  else if (outcome.losses.empty())
    console.say("No recovery point needs what was lost; prune removes it.");
  for (const app::PointLoss& loss : outcome.losses) {
    console.warn(fmt::format("Point {} of {} has lost {}:", app::short_id(loss.point.id),
                             printable(loss.point.description.source),
                             format_count(loss.paths.size(), "path")));
    console.list(loss.paths);
  }
  if (outcome.is_looked_through && outcome.losses.empty()) return;
  if (outcome.report.is_marked)
    console.warn(
        "It is marked as lost, and nothing was deleted: the next backup of a source that still has "
        "these files stores them again, and every point that needs them is whole again.");
  else if (is_dry_run)
    console.warn("It would be marked as lost, so that the next backup stores it again.");
  else
    console.warn(
        "This key cannot mark it as lost: run `reprieve repo repair` with a writer's or an "
        "admin's, "
        "so that the next backup stores it again.");
}

int tell_repair(const app::RepairOutcome& outcome, bool is_dry_run, const Console& console) {
  const repository::RepairReport& report = outcome.report;
  console.result(to_json(outcome, is_dry_run));
  for (const std::string& object : report.healed)
    console.say((is_dry_run ? "would heal " : "healed ") + object);
  for (const repository::Damage& damage : report.left)
    console.warn("cannot heal " + damage.object + ": " + damage.what);
  if (report.healed.empty() && report.left.empty()) console.say("Nothing is damaged.");
  if (!report.lost.packs.empty()) tell_losses(outcome, is_dry_run, console);
  const bool is_harmless = outcome.is_looked_through && outcome.losses.empty() &&
                           report.left.size() == report.lost.packs.size();
  return report.left.empty() || is_harmless ? kExitDone : kExitCorrupt;
}

Result<int> run_repair(const Invocation& invocation, const app::RepairChoices& choices,
                       const Console& console) {
  const bool is_dry_run = choices.is_dry_run;
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository open, [&]() -> Result<app::OpenRepository> {
    // A replica is healed like any other store, from its own parity.
    if (choices.is_from_versions && !is_dry_run) return workspace.open_robbed_repository();
    auto opened = workspace.open_repository(app::Purpose::kReadFirst);
    if (opened || choices.is_from_versions) return opened;
    const ErrorKind kind = opened.error().kind;
    if (kind != ErrorKind::kDenied && kind != ErrorKind::kCorrupt) return opened;
    // Without a key packs and records still heal: their hashes prove them.
    console.warn("note: " + opened.error().what + "; healing what needs no key");
    app::OpenRepository only_store;
    REPRIEVE_TRY(only_store.store, workspace.open_store());
    return only_store;
  }());
  Progress progress;
  auto bar = start_progress(invocation, is_dry_run ? "Looking" : "Repairing", progress);
  REPRIEVE_TRY(const app::RepairOutcome outcome,
               app::repair(workspace, open, choices, progress, invocation.cancel));
  bar.reset();
  return tell_repair(outcome, is_dry_run, console);
}

Result<int> run_kit(const Invocation& invocation, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  REPRIEVE_TRY(const auto slots, open.repository->slots());
  REPRIEVE_TRY(app::KitFacts facts, app::kit_facts(workspace, to_hex(open.repository->id())));
  facts.key_file = workspace.key_file_wanted();
  for (const repository::SlotSummary& slot : slots) {
    if (slot.kind == "passphrase") facts.has_passphrase = true;
    if (slot.kind == "key-file" && facts.key_file.empty())
      facts.key_file = "that `reprieve init` wrote (of " + format_rfc3339(slot.created) + ")";
  }
  REPRIEVE_TRY(const std::string program, app::store_program(*open.store, workspace.cache_dir()));
  REPRIEVE_RETURN_IF_ERROR(open.store->sync());
  const std::string kit = app::kit_text(facts, program);
  console.result({{"schema", "reprieve.kit/1"}, {"kit", kit}});
  console.show(kit);
  return kExitDone;
}

/// What a source's recovery points hold and what it took to store them.
struct SourceSums {
  std::uint64_t points = 0;
  std::uint64_t bytes = 0;         // In all of its points.
  std::uint64_t bytes_new = 0;     // What the repository did not have at the time.
  std::uint64_t bytes_stored = 0;  // That, compressed, with metadata and parity.
};

double ratio(std::uint64_t whole, std::uint64_t part) {
  return static_cast<double>(whole) / static_cast<double>(std::max<std::uint64_t>(part, 1));
}

/// A source of which nothing was new has no ratio to show.
std::string ratio_text(std::uint64_t whole, std::uint64_t part) {
  return part == 0 ? "-" : fmt::format("{:.1f} to 1", ratio(whole, part));
}

std::map<std::string, SourceSums> sums_by_source(
    const std::vector<repository::Snapshot>& snapshots) {
  std::map<std::string, SourceSums> sums;
  for (const repository::Snapshot& snapshot : snapshots) {
    SourceSums& of = sums[snapshot.description.source];
    ++of.points;
    of.bytes += snapshot.statistics.bytes;
    of.bytes_new += snapshot.statistics.bytes_new;
    of.bytes_stored += snapshot.statistics.bytes_stored;
  }
  return sums;
}

/// What each source's points took when they were made: prune may have given much of it back since.
Json show_sources(const std::map<std::string, SourceSums>& sums, const Console& console) {
  Json sources = Json::array();
  std::vector<std::vector<std::string>> rows = {
      {"SOURCE", "POINTS", "HOLD", "NEW", "STORED", "DEDUPLICATION", "COMPRESSION"}};
  for (const auto& [source, of] : sums) {
    rows.push_back({source.empty() ? "(unreadable with this key)" : printable(source),
                    format_count(of.points), format_size(of.bytes), format_size(of.bytes_new),
                    format_size(of.bytes_stored), ratio_text(of.bytes, of.bytes_new),
                    ratio_text(of.bytes_new, of.bytes_stored)});
    sources.push_back({{"source", source},
                       {"points", of.points},
                       {"bytes", of.bytes},
                       {"bytes_new", of.bytes_new},
                       {"bytes_stored", of.bytes_stored}});
  }
  if (!sums.empty()) console.show(table(rows, {false, true, true, true, true, true, true}) + "\n");
  return sources;
}

Result<int> run_stats(const Invocation& invocation, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kReadFirst));
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> by_folder;
  std::uint64_t stored = 0;
  REPRIEVE_RETURN_IF_ERROR(open.store->list("", [&](const ObjectInfo& object) -> Result<> {
    auto& [count, bytes] = by_folder[object.key.substr(0, object.key.find('/'))];
    ++count;
    bytes += object.size.value;
    stored += object.size.value;
    return kOk;
  }));
  std::uint64_t protected_bytes = 0;
  for (const repository::Snapshot& snapshot : open.listed.snapshots)
    protected_bytes += snapshot.statistics.bytes;
  Json folders = Json::object();
  std::vector<std::vector<std::string>> rows = {{"OBJECTS", "COUNT", "SIZE"}};
  for (const auto& [folder, sums] : by_folder) {
    rows.push_back({folder, format_count(sums.first), format_size(sums.second)});
    folders[folder] = {{"objects", sums.first}, {"bytes", sums.second}};
  }
  const Json sources = show_sources(sums_by_source(open.listed.snapshots), console);
  console.result({{"schema", "reprieve.stats/1"},
                  {"bytes", stored},
                  {"points", open.listed.snapshots.size()},
                  {"bytes_in_points", protected_bytes},
                  {"sources", sources},
                  {"objects", folders}});
  console.show(table(rows, {false, true, true}));
  console.show(fmt::format("{} in {} recovery points take {} ({:.1f} to 1)",
                           format_size(protected_bytes), open.listed.snapshots.size(),
                           format_size(stored), ratio(protected_bytes, stored)));
  return kExitDone;
}

using Runner = Result<int> (*)(const Invocation&, const Console&);

CLI::App* add_simple(CLI::App& parent, Invocation& invocation, const char* name, const char* what,
                     Runner runner) {
  auto* command = parent.add_subcommand(name, what);
  command->callback([&invocation, runner] {
    invocation.run = [&invocation, runner](const Console& console) {
      return finish(console, [&] { return runner(invocation, console); });
    };
  });
  return command;
}

}  // namespace

void add_repo(CLI::App& parser, Invocation& invocation) {
  auto* group = parser.add_subcommand("repo", "Look after the repository itself");
  group->require_subcommand(1);
  group->footer("Example:\n  reprieve --repo /srv/repo repo repair --dry-run");

  auto* repair = group->add_subcommand(
      "repair", "Heal damage from parity and replicas, and mark what is beyond them");
  auto choices = std::make_shared<app::RepairChoices>();
  repair->add_flag("--dry-run", choices->is_dry_run, "Only say what would be healed");
  repair->add_flag("--from-versions", choices->is_from_versions,
                   "Also from earlier versions in the bucket: undoes deletions and overwriting");
  repair->footer(
      "Packs heal from their parity, records from their second copy, indexes from packs; with\n"
      "replicas (each a further --repo) also what is damaged beyond that, and what is gone.\n"
      "Nothing is deleted but damaged indexes that were made again. A pack beyond all that is\n"
      "marked as lost: the next backup stores again what the source still has of it. Exit code 7\n"
      "if recovery points lack something.\n\n"
      "Example:\n  reprieve repo repair --dry-run");
  repair->callback([&invocation, choices] {
    invocation.run = [&invocation, choices](const Console& console) {
      return finish(console, [&] { return run_repair(invocation, *choices, console); });
    };
  });
  add_simple(*group, invocation, "kit", "Print the recovery kit again", run_kit)
      ->footer("Example:\n  reprieve repo kit > recovery-kit.txt");
  add_head(*group, invocation);
  add_keys(*group, invocation);
  add_simple(*group, invocation, "stats", "Count objects and bytes, by source too", run_stats)
      ->footer(
          "NEW is what a source's points brought that the repository did not have, STORED what "
          "that\n"
          "took, compressed, with metadata and parity; prune may have given some of it back "
          "since.\n\n"
          "Example:\n  reprieve repo stats");
  add_erase(*group, invocation);
  add_locks(*group, invocation);
  add_replicas(*group, invocation);
  add_probe(*group, invocation);
  add_copy(*group, invocation);
}

}  // namespace reprieve::cli
