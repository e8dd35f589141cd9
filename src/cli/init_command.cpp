#include "app/init_job.hpp"
#include "cli/command.hpp"
#include "cli/replica_output.hpp"

namespace reprieve::cli {
namespace {

int run_init(const Invocation& invocation, const std::string& key_file, const Console& console) {
  return finish(console, [&]() -> Result<int> {
    REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
    REPRIEVE_TRY(const app::InitOutcome made, app::init(workspace, invocation.options, key_file));
    console.result({{"schema", "reprieve.init/1"},
                    {"repository", made.repository_path},
                    {"id", made.repository_hex},
                    {"key_file", made.key_file},
                    {"kit", made.kit},
                    {"replicas", to_json(made.replicas)}});
    console.say("Made the repository " + made.repository_path + ".");
    if (!made.key_file.empty())
      console.say("Its key file is " + made.key_file + " (unattended backups use it).");
    console.say("\nPrint the following page, and keep it and a copy of a key elsewhere:\n");
    console.show(made.kit);
    return tell(console, made.replicas) ? kExitDone : kExitDoneWithProblems;
  });
}

}  // namespace

void add_init(CLI::App& parser, Invocation& invocation) {
  auto* command =
      parser.add_subcommand("init", "Make a repository and its keys; prints the recovery kit");
  auto key_file = std::make_shared<std::string>();
  command->add_option(
      "--new-key-file", *key_file,
      "Where the key file for unattended use goes (default: the user's key folder)");
  command->footer(
      "The repository opens with the password (from --password-file, or asked for) and with the\n"
      "key file.\n\n"
      "Example:\n  reprieve --repo /srv/repo --password-file /root/repo.pass init");
  command->callback([&invocation, key_file] {
    invocation.run = [&invocation, key_file](const Console& console) {
      return run_init(invocation, *key_file, console);
    };
  });
}

}  // namespace reprieve::cli
