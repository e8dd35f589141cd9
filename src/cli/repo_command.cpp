#include <set>

#include "app/kit.hpp"
#include "app/replicas.hpp"
#include "app/workspace.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "repository/verify.hpp"

namespace reprieve::cli {
namespace {

Result<int> run_repair(const Invocation& invocation, bool is_dry_run, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository open, [&]() -> Result<app::OpenRepository> {
    // A replica is healed like any other store, from its own parity.
    auto opened = workspace.open_repository(app::Purpose::kReadFirst);
    if (opened) return opened;
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
  REPRIEVE_TRY(auto report, repository::repair(*open.store, open.repository.get(), is_dry_run, 0,
                                               progress, invocation.cancel));
  if (open.repository != nullptr)
    REPRIEVE_RETURN_IF_ERROR(
        app::heal_from_replicas(workspace, open, is_dry_run, report, invocation.cancel));
  bar.reset();
  Json left = Json::array();
  for (const repository::Damage& damage : report.left)
    left.push_back({{"object", damage.object}, {"what", damage.what}});
  console.result({{"schema", "reprieve.repair/1"},
                  {"dry_run", is_dry_run},
                  {"healed", report.healed},
                  {"left", left}});
  for (const std::string& object : report.healed)
    console.say((is_dry_run ? "would heal " : "healed ") + object);
  for (const repository::Damage& damage : report.left)
    console.warn("cannot heal " + damage.object + ": " + damage.what);
  if (report.healed.empty() && report.left.empty()) console.say("Nothing is damaged.");
  return report.left.empty() ? kExitDone : kExitCorrupt;
}

Result<int> run_kit(const Invocation& invocation, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  REPRIEVE_TRY(const auto slots, open.repository->slots());
  app::KitFacts facts;
  REPRIEVE_TRY(facts.repository_path, workspace.repository_path());
  facts.repository_hex = to_hex(open.repository->id());
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

Result<int> run_stats(const Invocation& invocation, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kReadFirst));
  REPRIEVE_TRY(const auto list, open.repository->snapshots());
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
  for (const repository::Snapshot& snapshot : list.snapshots)
    protected_bytes += snapshot.statistics.bytes;
  Json folders = Json::object();
  std::vector<std::vector<std::string>> rows = {{"OBJECTS", "COUNT", "SIZE"}};
  for (const auto& [folder, sums] : by_folder) {
    rows.push_back({folder, format_count(sums.first), format_size(sums.second)});
    folders[folder] = {{"objects", sums.first}, {"bytes", sums.second}};
  }
  console.result({{"schema", "reprieve.stats/1"},
                  {"bytes", stored},
                  {"points", list.snapshots.size()},
                  {"bytes_in_points", protected_bytes},
                  {"objects", folders}});
  console.show(table(rows, {false, true, true}));
  console.show(fmt::format("{} in {} recovery points take {} ({:.1f} to 1)",
                           format_size(protected_bytes), list.snapshots.size(), format_size(stored),
                           static_cast<double>(protected_bytes) /
                               static_cast<double>(std::max<std::uint64_t>(stored, 1))));
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

  auto* repair = group->add_subcommand("repair", "Heal damage from parity and replicas");
  auto is_dry_run = std::make_shared<bool>(false);
  repair->add_flag("--dry-run", *is_dry_run, "Only say what would be healed");
  repair->footer(
      "Packs heal from their parity, records from their second copy, indexes from packs; with\n"
      "replicas (each a further --repo) also what is damaged beyond that, and what is gone. "
      "Nothing\n"
      "is deleted but damaged indexes that were made again. Exit code 7 if something could not be\n"
      "healed.\n\n"
      "Example:\n  reprieve repo repair --dry-run");
  repair->callback([&invocation, is_dry_run] {
    invocation.run = [&invocation, is_dry_run](const Console& console) {
      return finish(console, [&] { return run_repair(invocation, *is_dry_run, console); });
    };
  });
  add_simple(*group, invocation, "kit", "Print the recovery kit again", run_kit)
      ->footer("Example:\n  reprieve repo kit > recovery-kit.txt");
  add_keys(*group, invocation);
  add_simple(*group, invocation, "stats", "Count objects and bytes", run_stats)
      ->footer("Example:\n  reprieve repo stats");
  add_erase(*group, invocation);
  add_replicas(*group, invocation);
  add_probe(*group, invocation);
}

}  // namespace reprieve::cli
