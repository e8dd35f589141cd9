#include "app/copy_job.hpp"
#include "app/points.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

struct CopyArguments {
  app::CopyChoices choices;
  std::string to;
  std::string to_password_file;
  std::string to_key_file;
};

/// The other repository: the same surroundings but for its place and its keys.
Result<app::OpenRepository> open_target(const Invocation& invocation,
                                        const CopyArguments& arguments) {
  app::WorkspaceOptions options = invocation.options;
  options.repo = arguments.to;
  options.replicas.clear();  // They are those of the first one.
  if (!arguments.to_password_file.empty() || !arguments.to_key_file.empty()) {
    options.password_file = arguments.to_password_file;
    options.key_file = arguments.to_key_file;
  }
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(std::move(options)));
  auto open = workspace.open_repository(app::Purpose::kWrite);
  if (!open) return std::move(open).error().at("open the repository to copy to");
  return open;
}

Json to_json(const backup::CopiedPoint& point) {
  return {{"point", point.original.id.hex()},
          {"copy", point.copy.id.hex()},
          {"source", point.original.description.source},
          {"was_there", point.was_there},
          {"bytes", point.copy.statistics.bytes},
          {"bytes_stored", point.was_there ? 0 : point.copy.statistics.bytes_stored}};
}

Result<int> run_copy(const Invocation& invocation, const CopyArguments& arguments,
                     const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository from, workspace.open_repository());
  REPRIEVE_TRY(app::OpenRepository to, open_target(invocation, arguments));
  Json points = Json::array();
  std::uint64_t copied = 0;
  std::uint64_t stored = 0;
  Progress progress;
  auto bar = start_progress(invocation, "Copying", progress);
  const auto tell = [&](const backup::CopiedPoint& point) {
    points.push_back(to_json(point));
    if (point.was_there) return;
    ++copied;
    stored += point.copy.statistics.bytes_stored;
  };
  REPRIEVE_RETURN_IF_ERROR(
      app::copy_points(workspace, from, to, arguments.choices, tell, progress, invocation.cancel));
  bar.reset();
  const std::size_t there = points.size() - copied;
  console.result({{"schema", "reprieve.copy/1"}, {"points", std::move(points)}});
  console.say(fmt::format("{} copied, {} stored; {} there already.",
                          format_count(copied, "recovery point"), format_size(stored),
                          format_count(there)));
  return kExitDone;
}

}  // namespace

void add_copy(CLI::App& group, Invocation& invocation) {
  auto* command =
      group.add_subcommand("copy", "Copy recovery points into a repository with other keys");
  auto arguments = std::make_shared<CopyArguments>();
  command->add_option("point", arguments->choices.points, "Recovery points (default: all)");
  command->add_option("--source", arguments->choices.source, "Only points of this source");
  command->add_option("--to", arguments->to, "The repository to copy to; `reprieve init` makes one")
      ->required();
  command->add_option("--to-password-file", arguments->to_password_file,
                      "Its password (default: what opens the first one)");
  command->add_option("--to-key-file", arguments->to_key_file, "Its key file");
  command->footer(
      "Copies keep their time, name and tags, and retention sees them where it saw the originals.\n"
      "What is there already is passed over: run it again after it was stopped, or every night.\n"
      "It needs an administrator's key of the other repository.\n\n"
      "Examples:\n"
      "  reprieve --repo s3://new/repo init\n"
      "  reprieve --repo /srv/repo repo copy --to s3://new/repo\n"
      "  reprieve --repo /srv/repo repo copy --source shop-db latest --to /mnt/usb/repo");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_copy(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
