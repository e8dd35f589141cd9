#include "app/serve.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

Json to_json(const app::ServeEvent& event, Instant now) {
  return {{"schema", "reprieve.serve/1"},     {"time", format_rfc3339(now)}, {"job", event.job},
          {"kind", app::name_of(event.kind)}, {"text", event.text},          {"hint", event.hint},
          {"details", event.details}};
}

void tell(const Console& console, const app::ServeEvent& event) {
  const Instant now = system_clock().now();
  if (console.is_json()) return console.result(to_json(event, now));
  const std::string line =
      format_rfc3339(now).substr(0, 19) + "Z " + printable(event.job + ": " + event.text);
  if (event.kind != app::ServeEvent::Kind::kTrouble) return console.say(line);
  console.warn(line);
  if (!event.hint.empty()) console.warn("  " + printable(event.hint));
}

Result<int> run_serve(const Invocation& invocation, const Console& console) {
  if (!invocation.repositories.empty())
    return Error{ErrorKind::kInvalid, "serve takes its storages from the plan",
                 "Leave out --repo; `to:` in a policy says where its backups go."};
  REPRIEVE_TRY(const app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_RETURN_IF_ERROR(app::serve(
      workspace, [&](const app::ServeEvent& event) { tell(console, event); }, invocation.cancel));
  return kExitDone;
}

}  // namespace

void add_serve(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand(
      "serve", "Take the plan's backups when they are due, and receive its logs, until stopped");
  command->footer(
      "Each policy of the plan with `every:` is served: a duration or a time of day takes "
      "backups,\n"
      "`continuous` keeps a receiver of a PostgreSQL server's log running. Each runs as a process "
      "of\n"
      "its own; what fails is told and tried again. A backup that was missed while nobody served "
      "is\n"
      "taken at once. The plan is read at the start: start anew after changing it.\n\n"
      "Example:\n  reprieve --plan /etc/reprieve/shop.yaml serve");
  command->callback([&invocation] {
    invocation.run = [&invocation](const Console& console) {
      return finish(console, [&] { return run_serve(invocation, console); });
    };
  });
}

}  // namespace reprieve::cli
