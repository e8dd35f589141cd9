#include "app/jobs.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "repository/prune.hpp"

namespace reprieve::cli {
namespace {

struct HoldArguments {
  std::string point;
  std::string source;
  std::string reason;
  bool is_release = false;
};

Result<int> run_hold(const Invocation& invocation, const HoldArguments& arguments,
                     const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  const std::string source =
      arguments.source.empty() ? "" : app::point_source_name(workspace, arguments.source);
  Progress progress;
  REPRIEVE_TRY(const auto point, app::find_point(workspace, open, source, arguments.point, progress,
                                                 invocation.cancel));
  if (arguments.is_release)
    REPRIEVE_RETURN_IF_ERROR(repository::release_point(*open.repository, point.id));
  else
    REPRIEVE_RETURN_IF_ERROR(repository::hold_point(*open.repository, point.id, arguments.reason));
  console.result({{"schema", "reprieve.hold/1"},
                  {"point", point.id.hex()},
                  {"held", !arguments.is_release},
                  {"reason", arguments.reason}});
  console.say(fmt::format(
      "Point {} of {} {}.", app::short_id(point.id), printable(point.description.source),
      arguments.is_release ? "is held no longer" : "is held: no prune removes it"));
  return kExitDone;
}

}  // namespace

void add_hold(CLI::App& parser, Invocation& invocation) {
  auto* command =
      parser.add_subcommand("hold", "Keep a recovery point whatever the rules say, or release it");
  auto arguments = std::make_shared<HoldArguments>();
  command->add_option("point", arguments->point, "The recovery point")->required();
  command->add_option("--source", arguments->source, "The source that POINT belongs to");
  command->add_option("--reason", arguments->reason, "Why, for who finds it later");
  command->add_flag("--release", arguments->is_release, "Take every hold off the point");
  command->footer(
      "Examples:\n"
      "  reprieve hold latest --source shopdb --reason 'trial in Graz'\n"
      "  reprieve hold 3fa9c0d1 --release");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_hold(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
