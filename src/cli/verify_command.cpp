#include "app/jobs.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "repository/verify.hpp"

namespace reprieve::cli {
namespace {

using repository::VerifyLevel;

struct VerifyArguments {
  std::string point;
  std::string source;
  std::string level = "data";
};

const std::map<std::string, VerifyLevel>& levels() {
  static const std::map<std::string, VerifyLevel> table = {{"list", VerifyLevel::kList},
                                                           {"index", VerifyLevel::kIndex},
                                                           {"reach", VerifyLevel::kReach},
                                                           {"shards", VerifyLevel::kShards},
                                                           {"data", VerifyLevel::kData}};
  return table;
}

Json to_json(const repository::VerifyReport& report, const std::string& level) {
  Json json = {{"schema", "reprieve.verify/1"},   {"level", level},
               {"good", report.damages.empty()},  {"objects", report.objects},
               {"bytes_read", report.bytes_read}, {"chunks", report.chunks},
               {"snapshots", report.snapshots},   {"damages", Json::array()},
               {"remarks", report.remarks}};
  for (const repository::Damage& damage : report.damages)
    json["damages"].push_back(
        {{"object", damage.object}, {"what", damage.what}, {"healable", damage.is_healable}});
  return json;
}

int tell(const Console& console, const repository::VerifyReport& report, const std::string& level) {
  console.result(to_json(report, level));
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
  console.warn(fmt::format("{} objects are damaged; run `reprieve repo repair`{}.",
                           report.damages.size(), is_healable ? ": all can be healed" : ""));
  return kExitCorrupt;
}

Result<int> verify_one(const Invocation& invocation, const VerifyArguments& arguments,
                       app::Workspace& workspace, const Console& console) {
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository());
  const std::string source =
      arguments.source.empty() ? "" : app::point_source_name(workspace, arguments.source);
  Progress progress;
  auto bar = start_progress(invocation, "Verifying", progress);
  REPRIEVE_TRY(const auto point, app::find_point(workspace, open, source, arguments.point, progress,
                                                 invocation.cancel));
  REPRIEVE_TRY(const auto check,
               app::verify_point(workspace, open, point, progress, invocation.cancel));
  bar.reset();
  Json json = {
      {"schema", "reprieve.verify/1"}, {"level", "data"},      {"point", point.id.hex()},
      {"good", check.damages.empty()}, {"files", check.files}, {"directories", check.directories},
      {"chunks", check.chunks},        {"bytes", check.bytes}, {"damages", Json::array()}};
  for (const Problem& damage : check.damages)
    json["damages"].push_back(cli::to_json(damage));
  console.result(json);
  console.say(fmt::format("Point {} of {}: {}, {}, {} read from end to end.",
                          app::short_id(point.id), printable(point.description.source),
                          format_count(check.files, "file"), format_count(check.chunks, "chunk"),
                          format_size(check.bytes)));
  if (check.damages.empty()) {
    console.say("All of it can be restored.");
    return kExitDone;
  }
  console.warn(fmt::format("{} paths are damaged:", check.damages.size()));
  console.list(check.damages);
  console.warn("Run `reprieve repo repair`, then verify again.");
  return kExitCorrupt;
}

/// A good look at all data vouches for every point.
Result<> remember(const app::Workspace& workspace, const app::OpenRepository& open) {
  auto verifications =
      app::Verifications::load(workspace.state_dir(), to_hex(open.repository->id()));
  REPRIEVE_TRY(const auto list, open.repository->snapshots());
  for (const repository::Snapshot& point : list.snapshots)
    REPRIEVE_RETURN_IF_ERROR(verifications.record(point.id, {system_clock().now(), "data", true}));
  return kOk;
}

Result<int> verify_all(const Invocation& invocation, const std::string& level,
                       app::Workspace& workspace, const Console& console) {
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
    return tell(console, report, level);
  }
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kReadFirst));
  auto bar = start_progress(invocation, "Verifying", progress);
  REPRIEVE_TRY(const auto report, repository::verify(*open.repository, levels().at(level), 0,
                                                     progress, invocation.cancel));
  bar.reset();
  if (level == "data" && report.damages.empty())
    REPRIEVE_RETURN_IF_ERROR(remember(workspace, open));
  return tell(console, report, level);
}

Result<int> run_verify(const Invocation& invocation, const VerifyArguments& arguments,
                       const Console& console) {
  if (!levels().contains(arguments.level))
    return Error{ErrorKind::kInvalid, "no level is called " + arguments.level,
                 "Use list, index, reach, shards or data."};
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  if (arguments.point.empty()) return verify_all(invocation, arguments.level, workspace, console);
  if (arguments.level != "data")
    return Error{
        ErrorKind::kInvalid, "one point is verified at level data",
        "Leave out POINT to verify the whole repository at level " + arguments.level + "."};
  return verify_one(invocation, arguments, workspace, console);
}

}  // namespace

void add_verify(CLI::App& parser, Invocation& invocation) {
  auto* command =
      parser.add_subcommand("verify", "Check the repository, or one recovery point end to end");
  auto arguments = std::make_shared<VerifyArguments>();
  command->add_option("point", arguments->point, "One recovery point (default: the repository)");
  command->add_option("--source", arguments->source, "The source that POINT belongs to");
  command->add_option("--level", arguments->level,
                      "list, index, reach, shards (needs no key) or data (default)");
  command->footer(
      "list    every object is there and every record is genuine\n"
      "index   indexes and packs agree\n"
      "reach   every chunk that a recovery point needs is indexed\n"
      "shards  every stored byte is what it was; needs no key\n"
      "data    every chunk decrypts and is what its id says\n"
      "Exit code 7 if there is damage.\n\n"
      "Examples:\n"
      "  reprieve verify --level data\n"
      "  reprieve verify latest --source shopdb");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_verify(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
