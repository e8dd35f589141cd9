#include <algorithm>

#include "app/points.hpp"
#include "app/sources.hpp"
#include "backup/erase.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

using Outcome = backup::EraseReport::Outcome;

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kErased:
      return "erased";
    case Outcome::kWouldBeErased:
      return "would be erased";
    case Outcome::kHeld:
      return "held";
    case Outcome::kTooNew:
      break;
  }
  return "waits for a prune";
}

Json to_json(const backup::EraseReport& report, const backup::EraseOptions& options) {
  Json json = {{"schema", "reprieve.erase/1"}, {"dry_run", options.is_dry_run},
               {"points", Json::array()},      {"other_points", report.other},
               {"chunks", report.chunks},      {"chunks_needed", report.chunks_needed}};
  add_path(json, "path", options.path);
  for (const auto& point : report.points) {
    Json item = {{"id", point.original.id.hex()},
                 {"source", point.original.description.source},
                 {"time", format_rfc3339(point.original.time)},
                 {"outcome", name_of(point.outcome)},
                 {"replacement", nullptr},
                 {"files", point.files},
                 {"directories", point.directories},
                 {"bytes", point.bytes},
                 {"linked_files", point.linked_files}};
    if (!point.replacement.empty()) item["replacement"] = point.replacement;
    json["points"].push_back(std::move(item));
  }
  return json;
}

void show_points(const Console& console, const backup::EraseReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"POINT", "SOURCE", "TAKEN", "FILES", "SIZE", "", "NOW"}};
  for (const auto& point : report.points)
    rows.push_back(
        {app::short_id(point.original.id), printable(point.original.description.source),
         format_rfc3339(Instant{point.original.time.nanoseconds / 1'000'000'000 * 1'000'000'000}),
         format_count(point.files), format_size(point.bytes), std::string{name_of(point.outcome)},
         point.replacement.empty() ? "" : point.replacement.substr(0, 12)});
  console.show(table(rows, {false, false, false, true, true, false, false}));
}

std::uint64_t count_of(const backup::EraseReport& report, Outcome outcome) {
  return static_cast<std::uint64_t>(
      std::ranges::count(report.points, outcome, &backup::EraseReport::Point::outcome));
}

void tell_what_stays(const Console& console, const backup::EraseReport& report) {
  if (report.chunks_needed > 0)
    console.say(fmt::format(
        "{} of its {} are part of other files, or of the points that stay, and are kept.",
        format_count(report.chunks_needed), format_count(report.chunks, "chunk")));
  if (std::ranges::any_of(report.points, [](const auto& point) { return point.linked_files > 0; }))
    console.say(
        "Some of the files may have other names (hard links): the content stays under these until "
        "they are erased, too.");
  if (!report.other.empty())
    console.say(fmt::format("{} of databases or commands were not looked into.",
                            format_count(report.other.size(), "point")));
  console.say(
      "If the file is still where it was, the next backup takes it again: remove it there, or "
      "exclude it.");
}

void tell_when_it_is_gone(const Console& console, const backup::EraseReport& report) {
  if (const auto held = count_of(report, Outcome::kHeld); held > 0)
    console.warn(
        fmt::format("As before, because somebody holds it: {}. Release it (`reprieve hold "
                    "--release`), then run "
                    "this again.",
                    format_count(held, "point")));
  if (const auto waiting = count_of(report, Outcome::kTooNew); waiting > 0)
    console.warn(fmt::format(
        "Still there beside what replaces it: {}. Run `reprieve prune`, then this again.",
        format_count(waiting, "point")));
  console.say(
      "The bytes are gone when `reprieve prune --max-unused 0` has run with this key and says that "
      "nothing waits.\nA store that keeps old versions, and copies of the repository, keep them "
      "longer.");
}

Result<int> run_erase(const Invocation& invocation, backup::EraseOptions options,
                      const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  if (!options.source.empty()) options.source = app::point_source_name(workspace, options.source);
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  Progress progress;
  auto bar = start_progress(invocation, "Erasing", progress);
  REPRIEVE_TRY(const auto report,
               backup::erase(*open.repository, options, progress, invocation.cancel));
  bar.reset();
  console.result(to_json(report, options));
  show_points(console, report);
  if (options.is_dry_run) {
    console.say(fmt::format("{} would be rewritten; nothing was changed.",
                            format_count(count_of(report, Outcome::kWouldBeErased), "point")));
    return kExitDone;
  }
  tell_what_stays(console, report);
  tell_when_it_is_gone(console, report);
  const bool is_everywhere = count_of(report, Outcome::kErased) == report.points.size();
  return is_everywhere ? kExitDone : exit_code_of(ErrorKind::kConflict);
}

}  // namespace

void add_erase(CLI::App& repo, Invocation& invocation) {
  auto* command = repo.add_subcommand("erase", "Take a file or folder out of all recovery points");
  auto options = std::make_shared<backup::EraseOptions>();
  command->add_option("path", options->path, "Whole path, as it was backed up")->required();
  command->add_option("--source", options->source, "Only from points of this source");
  command->add_flag("--dry-run", options->is_dry_run, "Only say which points hold it");
  command->footer(
      "Each point that holds it is committed anew without it, with its time, name and place among\n"
      "the others, and the original is removed; `reprieve prune --max-unused 0` then removes the\n"
      "bytes. Held points stay as they are. Needs an administrator's key. Exit code 8 if a point\n"
      "still holds it.\n\n"
      "Example:\n  reprieve repo erase /srv/uploads/passport.jpg --dry-run");
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](const Console& console) {
      return finish(console, [&] { return run_erase(invocation, *options, console); });
    };
  });
}

}  // namespace reprieve::cli
