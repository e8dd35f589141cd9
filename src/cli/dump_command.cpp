#include <unistd.h>

#include "app/browse_job.hpp"
#include "app/points.hpp"
#include "app/sources.hpp"
#include "base/format.hpp"
#include "cli/browse_commands.hpp"
#include "io/durable_file.hpp"
#include "io/terminal.hpp"

namespace reprieve::cli {
namespace {

struct DumpArguments {
  std::string point;
  std::vector<std::string> paths;
  std::string to;
  std::string source;
  [[nodiscard]] bool is_to_standard_output() const { return to == "-"; }
};

Result<> check(const Invocation& invocation, const DumpArguments& arguments) {
  if (!arguments.is_to_standard_output()) return kOk;
  if (invocation.is_json)
    return Error{ErrorKind::kInvalid, "--json and the archive cannot share standard output",
                 "Write the archive with --to FILE, or leave out --json."};
  if (io::is_terminal(STDOUT_FILENO))
    return Error{ErrorKind::kInvalid, "an archive is nothing for a terminal",
                 "Pipe it into tar, as in `reprieve dump latest --to - | tar -tv`, or use --to "
                 "FILE."};
  return kOk;
}

Result<app::DumpOutcome> write_archive(app::OpenPoint& point, const DumpArguments& arguments) {
  if (arguments.is_to_standard_output()) {
    REPRIEVE_TRY(const io::FileHandle out, standard_output());
    return app::dump(point, arguments.paths, out);
  }
  REPRIEVE_TRY(auto file, io::AtomicFile::create(arguments.to));
  REPRIEVE_TRY(auto outcome, app::dump(point, arguments.paths, file.file()));
  REPRIEVE_RETURN_IF_ERROR(file.commit_replacing());
  return outcome;
}

Result<int> run_dump(const Invocation& invocation, const DumpArguments& arguments,
                     const Console& console) {
  REPRIEVE_RETURN_IF_ERROR(check(invocation, arguments));
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository());
  const std::string source =
      arguments.source.empty() ? "" : app::point_source_name(workspace, arguments.source);
  const Duration started = system_clock().uptime();
  Progress progress;
  REPRIEVE_TRY(app::OpenPoint point, app::open_point(workspace, open, source, arguments.point,
                                                     progress, invocation.cancel));
  if (arguments.paths.empty()) progress.bytes_total = point.point.statistics.bytes;
  auto bar =
      start_progress(invocation, "Dumping " + printable(point.point.description.source), progress);
  auto outcome = write_archive(point, arguments);
  bar.reset();
  if (!outcome) return std::move(outcome).error();
  Json json = {{"schema", "reprieve.dump/1"},   {"source", point.point.description.source},
               {"point", point.point.id.hex()}, {"to", arguments.to},
               {"entries", outcome->entries},   {"bytes", outcome->bytes},
               {"problems", Json::array()}};
  for (const Problem& problem : outcome->problems)
    json["problems"].push_back(cli::to_json(problem));
  console.result(json);
  if (!arguments.is_to_standard_output())
    console.say(
        fmt::format("Dumped {}: point {} of {} to {}: {} in {}, in {}",
                    printable(point.point.description.source), app::short_id(point.point.id),
                    format_rfc3339(point.point.description.data_time), printable(arguments.to),
                    format_count(outcome->entries, "name"), format_size(outcome->bytes),
                    format_duration(system_clock().uptime() - started)));
  if (outcome->problems.empty()) return kExitDone;
  console.warn(fmt::format("{} not in the archive as they were:",
                           format_count(outcome->problems.size(), "name")));
  console.list(outcome->problems);
  return kExitDoneWithProblems;
}

}  // namespace

void add_dump(CLI::App& parser, Invocation& invocation) {
  auto* command =
      parser.add_subcommand("dump", "Write a recovery point, or parts of it, as a tar archive");
  auto arguments = std::make_shared<DumpArguments>();
  command->add_option("point", arguments->point, "POINT: id, name, latest, or a time")->required();
  command->add_option("paths", arguments->paths,
                      "Only these and what is below them: whole paths, or relative to what was "
                      "captured");
  command->add_option("--to", arguments->to, "The archive's file; - for standard output")
      ->required();
  command->add_option("--source", arguments->source, "The source that POINT belongs to");
  command->footer(
      "The archive (POSIX pax) holds what `reprieve restore` would write: owners with their "
      "names,\n"
      "times to the nanosecond, extended attributes, ACLs, hard links, holes and devices. Sockets\n"
      "and inode flags have no place in it. A FILE appears whole or not at all.\n\n"
      "Examples:\n"
      "  reprieve dump latest --source uploads --to /mnt/usb/uploads.tar\n"
      "  reprieve dump latest /etc --to - | tar -x --same-owner -p --acls --xattrs \\\n"
      "    --xattrs-include='*' -C /tmp/out");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_dump(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
