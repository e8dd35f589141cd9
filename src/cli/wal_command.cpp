#include "app/wal_reception.hpp"
#include "backup/wal_archive.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "plan/units.hpp"
#include "source/postgresql/staged_wal.hpp"

namespace reprieve::cli {
namespace {

struct WalArguments {
  std::string from;
  std::string source;
  std::string system;
  bool is_standby = false;
  std::string heartbeat;
  app::WalReceptionChoices reception;
  std::string file;
  std::string destination;
};

/// PostgreSQL reads the exit status, so these two stand outside the table of exit codes.
int report(const Console& console, const WalCommandOutcome& outcome) {
  if (!outcome.message.empty()) console.warn("reprieve wal: " + outcome.message);
  return outcome.exit_status;
}

/// From the repository. Whatever goes wrong is a doubt: only the archive may say that a file does
/// not exist.
WalCommandOutcome fetch_from_repository(const Invocation& invocation,
                                        const WalArguments& arguments) {
  const auto fetched = [&]() -> Result<WalCommandOutcome> {
    REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
    const std::string source = app::point_source_name(workspace, arguments.source);
    REPRIEVE_TRY(const app::OpenRepository open,
                 workspace.open_repository(app::Purpose::kReadStreams));
    REPRIEVE_TRY(const auto archive,
                 backup::WalArchive::open(*open.repository, {source, arguments.system}));
    WalCommandOutcome outcome;
    outcome.exit_status = backup::fetch_wal(archive, arguments.file, arguments.destination,
                                            arguments.is_standby, outcome.message);
    return outcome;
  }();
  if (fetched) return *fetched;
  return {kWalDoubt, fetched.error().what};
}

Json to_json(const backup::WalArchiverStatus& status, const std::string& event) {
  return {{"schema", "reprieve.wal/1"},
          {"system_identifier", status.system_identifier},
          {"timeline", status.timeline},
          {"server_end", format_lsn(status.server_end)},
          {"heard", format_rfc3339(status.heard)},
          {"durable", format_lsn(status.durable)},
          {"stored", format_lsn(status.stored)},
          {"waiting_bytes", status.waiting},
          {"problem", status.problem},
          {"doubt", status.doubt},
          {"event", event}};
}

/// One line when a reception begins, when something happens, and each minute.
class ReceptionOutput {
 public:
  explicit ReceptionOutput(const Invocation& invocation, const Console& console)
      : is_json_{invocation.is_json}, console_{console} {}

  void tell(const backup::WalArchiverStatus& status, const std::string& event) {
    if (is_json_) return console_.result(to_json(status, event));
    if (!event.empty()) console_.warn(event);
    if (status.problem != problem_ && !status.problem.empty())
      console_.warn("The repository takes nothing: " + status.problem + "; " +
                    format_size(status.waiting) + " wait on this disk.");
    if (status.problem.empty() && !problem_.empty())
      console_.say("The repository takes log again.");
    problem_ = status.problem;
    if (status.doubt != doubt_) console_.warn("The log itself is damaged: " + status.doubt);
    doubt_ = status.doubt;
    const Duration now = system_clock().uptime();
    const bool is_first =
        !has_begun_ && !status.system_identifier.empty() && status.stored.value > 0;
    if (!is_first && (!has_begun_ || now - told_ < std::chrono::minutes{1})) return;
    has_begun_ = true;
    told_ = now;
    console_.say(fmt::format(
        "{} timeline {}: received to {}, in the repository to {}, {} behind the server",
        format_rfc3339(system_clock().now()).substr(0, 19) + "Z", status.timeline,
        format_lsn(status.durable), format_lsn(status.stored),
        format_size(status.server_end.value - std::min(status.stored, status.server_end).value)));
  }

 private:
  const bool is_json_;
  const Console& console_;
  std::string problem_;
  std::string doubt_;
  Duration told_{};
  bool has_begun_ = false;
};

Result<int> receive(const Invocation& invocation, WalArguments arguments, const Console& console) {
  if (!arguments.heartbeat.empty()) {
    const auto interval = plan::parse_duration(arguments.heartbeat);
    if (!interval)
      return Error{ErrorKind::kInvalid, "--heartbeat takes a duration, not " + arguments.heartbeat,
                   "Write it as 60s, or 0s for never."};
    arguments.reception.heartbeat = *interval;
  }
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::NamedSource source, app::find_source(workspace, arguments.source));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository(app::Purpose::kWriteStreams));
  ReceptionOutput output{invocation, console};
  REPRIEVE_RETURN_IF_ERROR(app::receive_wal(
      workspace, open, source, arguments.reception,
      [&](const auto& status, const std::string& event) { output.tell(status, event); },
      invocation.cancel));
  return kExitDone;
}

}  // namespace

void add_wal(CLI::App& parser, Invocation& invocation) {
  auto* group = parser.add_subcommand("wal", "The write-ahead log of a PostgreSQL server");
  group->require_subcommand(1);
  auto arguments = std::make_shared<WalArguments>();

  auto* receiving =
      group->add_subcommand("receive", "Stream a server's log into the repository until stopped");
  receiving->add_option("source", arguments->source, "A name from the plan, or a postgres:// URL")
      ->required();
  receiving->add_option("--slot", arguments->reception.slot,
                        "The replication slot, made if it is not there (reprieve)");
  receiving->add_option("--heartbeat", arguments->heartbeat,
                        "Let an idle server commit a word so often (60s; 0s for never)");
  receiving->footer(
      "What the server reports as received lies on this disk first (below the state folder) and a\n"
      "second later in the repository. To lose nothing that was committed, list the receiver in\n"
      "synchronous_standby_names: its application_name is reprieve_wal. Set max_slot_wal_keep_size "
      "on\n"
      "the server, so that a receiver that stands still cannot fill its disk.\n\n"
      "Example:\n  reprieve wal receive shopdb");
  receiving->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return receive(invocation, *arguments, console); });
    };
  });

  auto* fetch = group->add_subcommand("fetch", "restore_command: hand one WAL file to the server");
  auto* from = fetch->add_option_group("Where from");
  from->add_option("--from", arguments->from, "The folder that a restore made");
  from->add_option("--source", arguments->source, "From the repository: of which source");
  from->require_option(1);
  fetch->add_option("--system", arguments->system, "From the repository: of which cluster");
  fetch->add_flag("--standby", arguments->is_standby,
                  "For a standby that goes on by streaming: whole segments only");
  fetch->add_option("file", arguments->file, "%f")->required();
  fetch->add_option("destination", arguments->destination, "%p")->required();
  fetch->footer(
      "Exit status: 0 served; 1 the file is proven not to exist, which ends recovery; 200 any "
      "doubt,\n"
      "which stops the server.\n\n"
      "Examples:\n"
      "  reprieve wal fetch --from /srv/pg/reprieve_wal %f %p\n"
      "  reprieve --repo /srv/repo wal fetch --source shopdb %f %p");
  fetch->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      if (arguments->from.empty())
        return report(console, fetch_from_repository(invocation, *arguments));
      return report(console,
                    fetch_staged(arguments->from, arguments->file, arguments->destination));
    };
  });

  auto* done = group->add_subcommand("finish", "recovery_end_command: remove the folder");
  done->add_option("--from", arguments->from, "The folder that the restore made")->required();
  done->footer("Example:\n  reprieve wal finish --from /srv/pg/reprieve_wal");
  done->callback([&invocation, arguments] {
    invocation.run = [arguments](const Console& console) {
      return report(console, finish_staged(arguments->from));
    };
  });
}

}  // namespace reprieve::cli
