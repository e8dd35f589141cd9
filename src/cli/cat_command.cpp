#include <fcntl.h>
#include <unistd.h>

#include "app/browse_job.hpp"
#include "app/sources.hpp"
#include "cli/browse_commands.hpp"

namespace reprieve::cli {
namespace {

struct CatArguments {
  std::string point;
  std::string path;
  std::string source;
};

Result<int> run_cat(const Invocation& invocation, const CatArguments& arguments) {
  if (invocation.is_json)
    return Error{ErrorKind::kInvalid, "cat writes a file's bytes, which are no JSON",
                 "Leave out --json; `reprieve find` tells about files in JSON."};
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository());
  const std::string source =
      arguments.source.empty() ? "" : app::point_source_name(workspace, arguments.source);
  Progress progress;
  REPRIEVE_TRY(app::OpenPoint point, app::open_point(workspace, open, source, arguments.point,
                                                     progress, invocation.cancel));
  REPRIEVE_TRY(const io::FileHandle out, standard_output());
  REPRIEVE_RETURN_IF_ERROR(app::cat(point, arguments.path, out));
  return kExitDone;
}

}  // namespace

Result<io::FileHandle> standard_output() {
  io::FileHandle out{::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)};
  if (!out.is_open())
    return Error{ErrorKind::kInvalid, "standard output is closed", "Send it to a file or a pipe."};
  return out;
}

void add_cat(CLI::App& parser, Invocation& invocation) {
  auto* command =
      parser.add_subcommand("cat", "Write one file of a recovery point to standard output");
  auto arguments = std::make_shared<CatArguments>();
  command->add_option("point", arguments->point, "POINT: id, name, latest, or a time")->required();
  command
      ->add_option("path", arguments->path,
                   "The file: its whole path, or relative to what was captured")
      ->required();
  command->add_option("--source", arguments->source, "The source that POINT belongs to");
  command->footer(
      "Every byte was checked before it is written. Where the repository is damaged beyond "
      "repair,\n"
      "the output ends and the exit code is 7. There is no --json.\n\n"
      "Example:\n  reprieve cat latest /etc/fstab --source root");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_cat(invocation, *arguments); });
    };
  });
}

}  // namespace reprieve::cli
