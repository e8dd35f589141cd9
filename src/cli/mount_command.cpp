#include <filesystem>

#include "app/mount_job.hpp"
#include "app/sources.hpp"
#include "base/format.hpp"
#include "cli/browse_commands.hpp"

namespace reprieve::cli {
namespace {

/// For people and for --json alike on standard error: whoever waits for it reads there.
void tell_ready(const Console& console, const app::MountChoices& choices,
                const app::MountOutcome& outcome) {
  if (console.is_json()) {
    console.warn(to_text(Json{{"event", "ready"}, {"directory", choices.directory}}));
    return;
  }
  console.warn(fmt::format(
      "Mounted {} of {} on {}, read-only. Ctrl-C or `fusermount3 -u {}` ends it.",
      format_count(outcome.points, "recovery point"), format_count(outcome.sources, "source"),
      printable(choices.directory), printable(choices.directory)));
}

Result<int> run_mount(const Invocation& invocation, app::MountChoices choices,
                      const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository());
  choices.directory = std::filesystem::absolute(choices.directory).lexically_normal().string();
  if (!choices.source.empty()) choices.source = app::point_source_name(workspace, choices.source);
  REPRIEVE_TRY(const app::MountOutcome outcome,
               app::mount(
                   workspace, open, choices,
                   [&](const app::MountOutcome& made) { tell_ready(console, choices, made); },
                   [&](const std::string& path, const Error& error) {
                     console.warn(fmt::format("damaged: {}: {}", printable(path), error.what));
                   },
                   invocation.cancel));
  console.result({{"schema", "reprieve.mount/1"},
                  {"directory", choices.directory},
                  {"points", outcome.points},
                  {"sources", outcome.sources},
                  {"problems", outcome.problems}});
  console.say("Unmounted " + printable(choices.directory) + ".");
  if (outcome.problems == 0) return kExitDone;
  console.warn(fmt::format("{} could not be read; run `reprieve repo repair`.",
                           format_count(outcome.problems, "path")));
  return kExitCorrupt;
}

}  // namespace

void add_mount(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand("mount", "Show recovery points as a read-only file system");
  auto choices = std::make_shared<app::MountChoices>();
  command->add_option("directory", choices->directory, "Where: an empty folder")->required();
  command->add_option("point", choices->point,
                      "Only this point: id, name, latest, or a time (default: all of them)");
  command->add_option("--source", choices->source, "Only points of this source");
  command->add_flag("--allow-other", choices->is_for_others,
                    "Other users may look, too, as far as modes and owners let them");
  command->footer(
      "Without POINT there is a folder for each source and in it one for each recovery point, "
      "named\n"
      "by time, and `latest`. Everything is as it was captured. Says on standard error when it is\n"
      "ready and stays until Ctrl-C, a SIGTERM or `fusermount3 -u DIRECTORY`; all three are exit "
      "code\n"
      "0, or 7 if something was damaged. Shows the points that there are when it starts.\n\n"
      "Example:\n  mkdir /tmp/points && reprieve mount /tmp/points");
  command->callback([&invocation, choices] {
    invocation.run = [&invocation, choices](const Console& console) {
      return finish(console, [&] { return run_mount(invocation, *choices, console); });
    };
  });
}

}  // namespace reprieve::cli
