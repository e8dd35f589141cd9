#include "app/jobs.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "plan/units.hpp"
#include "repository/verify.hpp"

namespace reprieve::cli {
namespace {

using repository::VerifyLevel;

struct VerifyArguments {
  std::string point;
  std::string source;
  std::string level = "data";
  double percent = 0;
  std::string max_age;
};

const std::map<std::string, VerifyLevel>& levels() {
  static const std::map<std::string, VerifyLevel> table = {{"list", VerifyLevel::kList},
                                                           {"index", VerifyLevel::kIndex},
                                                           {"reach", VerifyLevel::kReach},
                                                           {"shards", VerifyLevel::kShards},
                                                           {"data", VerifyLevel::kData}};
  return table;
}

Json to_json(const app::RepositoryVerdict& verdict, const std::string& level) {
  const repository::VerifyReport& report = verdict.report;
  Json json = {{"schema", "reprieve.verify/1"},   {"level", level},
               {"good", report.damages.empty()},  {"objects", report.objects},
               {"bytes_read", report.bytes_read}, {"chunks", report.chunks},
               {"snapshots", report.snapshots},   {"damages", Json::array()},
               {"remarks", report.remarks},       {"packs_read", nullptr},
               {"proved_since", nullptr}};
  if (verdict.is_in_turn) json["packs_read"] = verdict.packs_read;
  if (verdict.proved_since) json["proved_since"] = format_rfc3339(*verdict.proved_since);
  for (const repository::Damage& damage : report.damages)
    json["damages"].push_back(
        {{"object", damage.object}, {"what", damage.what}, {"healable", damage.is_healable}});
  return json;
}

int tell(const Console& console, const app::RepositoryVerdict& verdict, const std::string& level) {
  const repository::VerifyReport& report = verdict.report;
  console.result(to_json(verdict, level));
  console.say(fmt::format(
      "Verified {}, {}, {} at level {}; {} read.", format_count(report.objects, "object"),
      format_count(report.chunks, "chunk"), format_count(report.snapshots, "recovery point"), level,
      format_size(report.bytes_read)));
  for (const std::string& remark : report.remarks)
    console.say("  note: " + remark);
  if (report.damages.empty()) {
    console.say("No damage found.");
    return kExitDone;
  }
  bool is_healable = true;
  for (const repository::Damage& damage : report.damages) {
    console.warn(fmt::format("  damaged: {}: {}{}", damage.object, damage.what,
                             damage.is_healable ? "" : " (cannot be healed from this store)"));
    is_healable = is_healable && damage.is_healable;
  }
  console.warn(fmt::format("{} damaged; run `reprieve repo repair`{}.",
                           format_count(report.damages.size(), "object"),
                           is_healable ? ": all can be healed" : ""));
  return kExitCorrupt;
}

Json to_json(const repository::Snapshot& point, const app::PointVerdict& verdict,
             app::PointLevel level) {
  const backup::PointCheck& check = verdict.check;
  Json json = {{"schema", "reprieve.verify/1"}, {"level", app::name_of(level)},
               {"point", point.id.hex()},       {"good", verdict.is_good()},
               {"files", check.files},          {"directories", check.directories},
               {"chunks", check.chunks},        {"bytes", check.bytes},
               {"restored", nullptr},           {"damages", Json::array()}};
  for (const Problem& damage : check.damages)
    json["damages"].push_back(cli::to_json(damage));
  if (verdict.restored) {
    json["restored"] = {{"files", verdict.restored->files}, {"bytes", verdict.restored->bytes}};
    for (const Problem& damage : verdict.restored->damages)
      json["damages"].push_back(cli::to_json(damage));
  }
  return json;
}

int tell(const Console& console, const repository::Snapshot& point,
         const app::PointVerdict& verdict, app::PointLevel level) {
  const backup::PointCheck& check = verdict.check;
  console.result(to_json(point, verdict, level));
  console.say(
      fmt::format("Point {} of {}: {}, {}, {} {}.", app::short_id(point.id),
                  app::is_described(point) ? printable(point.description.source) : "unknown",
                  format_count(check.files, "file"), format_count(check.chunks, "chunk"),
                  format_size(check.bytes),
                  level == app::PointLevel::kReach ? "looked up" : "read from end to end"));
  if (verdict.restored)
    console.say(fmt::format("{} ({}) restored and compared, drawn from {}.",
                            format_count(verdict.restored->files, "file"),
                            format_size(verdict.restored->bytes),
                            format_count(verdict.restored->files_in_point)));
  if (verdict.is_good()) {
    console.say(level == app::PointLevel::kReach ? "Nothing is missing."
                                                 : "All of it can be restored.");
    return kExitDone;
  }
  std::vector<Problem> damages = check.damages;
  if (verdict.restored)
    damages.insert(damages.end(), verdict.restored->damages.begin(),
                   verdict.restored->damages.end());
  console.warn(format_count(damages.size(), "path") + " damaged:");
  console.list(damages);
  console.warn("Run `reprieve repo repair`, then verify again.");
  return kExitCorrupt;
}

Result<int> verify_one(const Invocation& invocation, const VerifyArguments& arguments,
                       app::PointLevel level, app::Workspace& workspace, const Console& console) {
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository());
  const std::string source =
      arguments.source.empty() ? "" : app::point_source_name(workspace, arguments.source);
  Progress progress;
  auto bar = start_progress(invocation, "Verifying", progress);
  REPRIEVE_TRY(const auto point, app::find_point(workspace, open, source, arguments.point, progress,
                                                 invocation.cancel));
  REPRIEVE_TRY(const auto verdict,
               app::verify_point(workspace, open, point, level, progress, invocation.cancel));
  bar.reset();
  return tell(console, point, verdict, level);
}

Result<std::optional<app::RotaChoice>> choice_of(const VerifyArguments& arguments) {
  if (arguments.percent == 0 && arguments.max_age.empty()) return std::optional<app::RotaChoice>{};
  if (arguments.level != "data" || !arguments.point.empty())
    return Error{ErrorKind::kInvalid,
                 "--percent and --max-age go with level data of the repository",
                 "Leave out POINT and --level."};
  app::RotaChoice choice;
  if (arguments.percent != 0) choice.percent = arguments.percent;
  if (!arguments.max_age.empty()) {
    choice.max_age = plan::parse_duration(arguments.max_age);
    if (!choice.max_age)
      return Error{ErrorKind::kInvalid, "--max-age takes a duration, not " + arguments.max_age,
                   "Write it as 36h or 30d."};
  }
  return std::optional{choice};
}

Result<int> verify_all(const Invocation& invocation, const VerifyArguments& arguments,
                       app::Workspace& workspace, const Console& console) {
  const std::string& level = arguments.level;
  Progress progress;
  if (levels().at(level) == VerifyLevel::kShards) {
    // Needs no key: a storage host can do it.
    REPRIEVE_TRY(const auto store, workspace.open_store());
    REPRIEVE_TRY(const bool is_there, repository::is_repository(*store));
    if (!is_there)
      return Error{ErrorKind::kNotFound, store->describe() + " holds no repository",
                   "Name another with --repo."};
    auto bar = start_progress(invocation, "Verifying", progress);
    REPRIEVE_TRY(const auto report,
                 repository::verify_shards(*store, 0, progress, invocation.cancel));
    bar.reset();
    return tell(console, {report, false, 0, {}}, level);
  }
  REPRIEVE_TRY(const auto choice, choice_of(arguments));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository(app::Purpose::kReadFirst));
  auto bar = start_progress(invocation, "Verifying", progress);
  REPRIEVE_TRY(const auto verdict, app::verify_repository(workspace, open, levels().at(level),
                                                          choice, progress, invocation.cancel));
  bar.reset();
  if (verdict.is_in_turn)
    console.say(format_count(verdict.packs_read, "pack") + " read in turn; " +
                (verdict.proved_since
                     ? "all were proved since " + format_rfc3339(*verdict.proved_since) + "."
                     : std::string{"some were never proved yet."}));
  const int code = tell(console, verdict, level);
  return code == kExitDone && !open.alarms.empty() ? kExitCorrupt : code;
}

Result<int> run_verify(const Invocation& invocation, const VerifyArguments& arguments,
                       const Console& console) {
  static const std::map<std::string, app::PointLevel> kPointLevels = {
      {"reach", app::PointLevel::kReach},
      {"data", app::PointLevel::kData},
      {"restore", app::PointLevel::kRestore}};
  if (!levels().contains(arguments.level) && !kPointLevels.contains(arguments.level))
    return Error{ErrorKind::kInvalid, "no level is called " + arguments.level,
                 "Use list, index, reach, shards, data or, for one point, restore."};
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  if (arguments.point.empty()) {
    if (!levels().contains(arguments.level))
      return Error{ErrorKind::kInvalid, "level " + arguments.level + " is for one recovery point",
                   "Name it: `reprieve verify latest --level " + arguments.level + "`."};
    return verify_all(invocation, arguments, workspace, console);
  }
  REPRIEVE_RETURN_IF_ERROR(choice_of(arguments));
  const auto level = kPointLevels.find(arguments.level);
  if (level == kPointLevels.end())
    return Error{
        ErrorKind::kInvalid, "one point is verified at level reach, data or restore",
        "Leave out POINT to verify the whole repository at level " + arguments.level + "."};
  return verify_one(invocation, arguments, level->second, workspace, console);
}

}  // namespace

void add_verify(CLI::App& parser, Invocation& invocation) {
  auto* command =
      parser.add_subcommand("verify", "Check the repository, or one recovery point end to end");
  auto arguments = std::make_shared<VerifyArguments>();
  command->add_option("point", arguments->point, "One recovery point (default: the repository)");
  command->add_option("--source", arguments->source, "The source that POINT belongs to");
  command->add_option("--level", arguments->level,
                      "list, index, reach, shards (needs no key) or data (default); of one point "
                      "reach, data or restore");
  command
      ->add_option("--percent", arguments->percent,
                   "Read only so much of the data, what was proved longest ago first")
      ->check(CLI::Range(0.01, 100.0));
  command->add_option("--max-age", arguments->max_age,
                      "Read only data that this host has not proved for so long (30d)");
  command->footer(
      "list    every object is there and every record is genuine\n"
      "index   indexes and packs agree\n"
      "reach   every chunk that a recovery point needs is indexed\n"
      "shards  every stored byte is what it was; needs no key\n"
      "data    every chunk decrypts and is what its id says\n"
      "restore files of the point, drawn at random, are restored and compared\n"
      "What is found is remembered in the state folder; `reprieve points` shows it.\n"
      "Exit code 7 if there is damage.\n\n"
      "Examples:\n"
      "  reprieve verify --level data\n"
      "  reprieve verify --percent 5          # every night: everything in 20 nights\n"
      "  reprieve verify latest --source shopdb --level restore");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_verify(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
