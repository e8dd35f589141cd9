#include "app/locks_job.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

Result<int> run_extend(const Invocation& invocation, bool is_dry_run, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository(app::Purpose::kReadFirst));
  Progress progress;
  auto bar = start_progress(invocation, "Looking at locks", progress);
  REPRIEVE_TRY(const auto report,
               app::extend_locks(workspace, open, is_dry_run, progress, invocation.cancel));
  bar.reset();
  Json json = {{"schema", "reprieve.locks/1"},  {"dry_run", is_dry_run},
               {"objects", report.objects},     {"extended", report.extended},
               {"uncovered", report.uncovered}, {"failed", report.failed},
               {"first_end", nullptr}};
  if (report.first_end) json["first_end"] = format_rfc3339(*report.first_end);
  console.result(json);
  console.say(fmt::format("{} need a lock; {} {} a new one, of which {} had none.",
                          format_count(report.objects, "object"), format_count(report.extended),
                          is_dry_run ? "would get" : "got", format_count(report.uncovered)));
  if (report.first_end)
    console.say("The first lock ends " + format_rfc3339(*report.first_end) + ".");
  for (std::size_t i = 0; i < std::min<std::size_t>(report.failed.size(), 5); ++i)
    console.warn("not locked: " + report.failed[i]);
  if (report.failed.size() > 5) console.warn(fmt::format("and {} more", report.failed.size() - 5));
  return report.failed.empty() ? kExitDone : kExitDoneWithProblems;
}

}  // namespace

void add_locks(CLI::App& group, Invocation& invocation) {
  auto* command =
      group.add_subcommand("extend-locks", "Keep what is needed locked against removal");
  auto is_dry_run = std::make_shared<bool>(false);
  command->add_flag("--dry-run", *is_dry_run, "Only say which locks would be extended");
  command->footer(
      "For a bucket with object lock, named with lock=30d&lock_mode=compliance (or governance).\n"
      "Objects are locked when they are written; this gives a whole new period to each that is\n"
      "still needed and has less than half of it left. Run it as often as backups. Exit code 3 if\n"
      "something could not be locked.\n\n"
      "Example:\n"
      "  reprieve --repo 's3://bucket/repo?lock=30d&lock_mode=governance' repo extend-locks");
  command->callback([&invocation, is_dry_run] {
    invocation.run = [&invocation, is_dry_run](const Console& console) {
      return finish(console, [&] { return run_extend(invocation, *is_dry_run, console); });
    };
  });
}

}  // namespace reprieve::cli
