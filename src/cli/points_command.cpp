#include "app/log_ranges.hpp"
#include "app/points.hpp"
#include "app/sources.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/log_output.hpp"
#include "repository/prune.hpp"

namespace reprieve::cli {
namespace {

Json to_json(const repository::Snapshot& point,
             const std::optional<app::Verifications::Verdict>& verdict,
             const std::optional<std::string>& hold, Instant now) {
  const auto& description = point.description;
  const bool is_readable = app::is_described(point);
  Json json = {{"id", point.id.hex()},
               {"source", description.source},
               {"kind", description.kind},
               {"name", description.name},
               {"tags", description.tags},
               {"host", description.host},
               {"time", format_rfc3339(point.time)},
               {"data_time", nullptr},
               {"age_seconds", (now - point.time).count() / 1'000'000'000},
               {"loss_if_used_seconds", nullptr},
               {"files", point.statistics.files},
               {"bytes", point.statistics.bytes},
               {"bytes_new", point.statistics.bytes_new},
               {"bytes_stored", point.statistics.bytes_stored},
               {"problems", point.statistics.problems},
               {"verified", nullptr},
               {"held", nullptr},
               {"rewritten", nullptr}};
  if (is_readable) {
    json["data_time"] = format_rfc3339(description.data_time);
    json["loss_if_used_seconds"] = (now - description.data_time).count() / 1'000'000'000;
  }
  if (hold) json["held"] = *hold;
  if (description.replaces)
    json["rewritten"] = {{"from", description.replaces->id.hex()},
                         {"at", format_rfc3339(description.replaces->rewritten)}};
  if (verdict)
    json["verified"] = {
        {"level", verdict->level}, {"at", format_rfc3339(verdict->at)}, {"good", verdict->is_good}};
  return json;
}

std::string verified_text(const std::optional<app::Verifications::Verdict>& verdict, Instant now) {
  if (!verdict) return "never";
  const std::string age = format_duration(now - verdict->at) + " ago";
  return verdict->is_good ? verdict->level + ", " + age : "DAMAGED, " + age;
}

Result<int> list_points(const Invocation& invocation, const std::string& source,
                        const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository());
  const auto& list = open.listed;
  const auto verifications =
      app::Verifications::load(workspace.state_dir(), to_hex(open.repository->id()));
  const std::string wanted = source.empty() ? "" : app::point_source_name(workspace, source);
  std::vector<repository::Snapshot> points;
  if (wanted.empty()) {
    points = app::points_of(list.snapshots, wanted);
  } else {
    REPRIEVE_TRY(points, app::some_points_of(list.snapshots, wanted));
  }
  app::LogRanges log;
  if (!wanted.empty()) {
    REPRIEVE_TRY(log, app::read_log_ranges(*open.repository, points));
  }
  std::map<SnapshotId, std::string> holds;
  REPRIEVE_TRY(const auto held, repository::list_holds(*open.repository));
  for (const repository::Hold& hold : held)
    holds.emplace(hold.snapshot, hold.text);
  const Instant now = system_clock().now();

  Json rows_json = Json::array();
  std::vector<std::vector<std::string>> rows = {
      {"POINT", "SOURCE", "TAKEN", "NAME", "SIZE", "NEW", "VERIFIED", "LOSS IF USED"}};
  for (const repository::Snapshot& point : points) {
    const auto verdict = verifications.verdict_on(point.id);
    const auto hold = holds.find(point.id);
    const bool is_held = hold != holds.end();
    rows_json.push_back(
        to_json(point, verdict, is_held ? std::optional{hold->second} : std::nullopt, now));
    rows.push_back({app::short_id(point.id),
                    app::is_described(point) ? printable(point.description.source) : "unknown",
                    format_rfc3339(Instant{point.time.nanoseconds / 1'000'000'000 * 1'000'000'000}),
                    printable(point.description.name), format_size(point.statistics.bytes),
                    format_size(point.statistics.bytes_new),
                    verified_text(verdict, now) + (is_held ? ", held" : "") +
                        (point.description.replaces ? ", rewritten" : ""),
                    app::is_described(point) ? format_duration(now - point.description.data_time)
                                             : "unknown"});
  }
  console.result({{"schema", "reprieve.points/1"},
                  {"points", rows_json},
                  {"log", cli::to_json(log)},
                  {"damaged", list.damaged},
                  {"sealed_off", list.sealed_off.size()},
                  {"alarms", alarms_json(open.alarms)}});
  if (points.empty()) {
    console.show("No recovery points yet: take one with `reprieve backup`.");
  } else {
    console.show(table(rows, {false, false, false, false, true, true, false, true}));
  }
  tell(console, log);
  if (!list.sealed_off.empty())
    console.warn(fmt::format(
        "note: {} more are sealed with keys that this key was not handed; ask an administrator for "
        "a new one (`reprieve repo keys add`)",
        list.sealed_off.size()));
  for (const std::string& name : list.damaged)
    console.warn("damaged: " + name + " (heal it with `reprieve repo repair`)");
  if (std::ranges::any_of(points, [](const auto& point) { return !app::is_described(point); }))
    console.say("This key cannot read what the points are of; a reader's or an admin's can.");
  return list.damaged.empty() && open.alarms.empty() ? kExitDone : kExitCorrupt;
}

}  // namespace

void add_points(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand(
      "points", "List recovery points: age, size, verified how and when, loss if used");
  auto source = std::make_shared<std::string>();
  command->add_option("source", *source, "Only of this source");
  command->footer(
      "LOSS IF USED is how much of the newest data would be missing after going back to the "
      "point. For a database whose log is received, `points SOURCE` also says to which moments it\n"
      "can be brought back.\n\n"
      "Example:\n  reprieve points shopdb");
  command->callback([&invocation, source] {
    invocation.run = [&invocation, source](const Console& console) {
      return finish(console, [&] { return list_points(invocation, *source, console); });
    };
  });
}

}  // namespace reprieve::cli
