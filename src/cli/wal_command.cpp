#include "cli/command.hpp"
#include "source/postgresql/staged_wal.hpp"

namespace reprieve::cli {
namespace {

struct WalArguments {
  std::string from;
  std::string file;
  std::string destination;
};

/// PostgreSQL reads the exit status, so these two stand outside the table of exit codes.
int report(const Console& console, const WalCommandOutcome& outcome) {
  if (!outcome.message.empty()) console.warn("reprieve wal: " + outcome.message);
  return outcome.exit_status;
}

}  // namespace

void add_wal(CLI::App& parser, Invocation& invocation) {
  auto* group = parser.add_subcommand("wal", "What a restored PostgreSQL server calls to recover");
  group->require_subcommand(1);
  auto arguments = std::make_shared<WalArguments>();

  auto* fetch = group->add_subcommand("fetch", "restore_command: hand one WAL file to the server");
  fetch->add_option("--from", arguments->from, "The folder that the restore made")->required();
  fetch->add_option("file", arguments->file, "%f")->required();
  fetch->add_option("destination", arguments->destination, "%p")->required();
  fetch->footer(
      "Exit status: 0 served; 1 the file is proven not to exist, which ends recovery; 200 any "
      "doubt,\n"
      "which stops the server.\n\n"
      "Example:\n  reprieve wal fetch --from /srv/pg/reprieve_wal %f %p");
  fetch->callback([&invocation, arguments] {
    invocation.run = [arguments](const Console& console) {
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
