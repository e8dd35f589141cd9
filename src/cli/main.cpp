#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "cli/browse_commands.hpp"
#include "cli/command.hpp"
#include "io/process.hpp"
#include "io/terminal.hpp"
#include "source/postgresql/staged_wal.hpp"

namespace {

using namespace reprieve;  // NOLINT(google-build-using-namespace): the program's own entry.

CancelToken stop_requested;

void on_signal(int) {
  stop_requested.request();
}

/// The first Ctrl-C stops at the next safe place; the second is the system's usual end. What the
/// caller had ignored stays ignored, for that is what nohup is for.
void catch_signals() {
  struct ::sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct ::sigaction before = {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

/// Key material must not end up in a core file.
void forbid_core_files() {
  const struct ::rlimit none = {0, 0};
  static_cast<void>(::setrlimit(RLIMIT_CORE, &none));
}

void add_globals(CLI::App& parser, cli::Invocation& invocation) {
  auto& options = invocation.options;
  parser
      .add_option("--repo", invocation.repositories,
                  "Repository: a path, a file: or s3: URL, or a storage of the plan; each further "
                  "one is a replica of the first [REPRIEVE_REPO]")
      ->allow_extra_args(false);
  parser.add_option("--password-file", options.password_file,
                    "File whose first line is the password [REPRIEVE_PASSWORD_FILE]");
  parser.add_option("--key-file", options.key_file, "Key file [REPRIEVE_KEY_FILE]");
  parser.add_option("--plan", options.plan_file,
                    "The plan (default: reprieve.yaml in this folder) [REPRIEVE_PLAN]");
  parser.add_option("--state-dir", options.state_dir,
                    "Where runs and verifications are remembered [REPRIEVE_STATE_DIR]");
  parser.add_option("--cache-dir", options.cache_dir,
                    "Where caches lie; may be deleted at any time [REPRIEVE_CACHE_DIR]");
  parser.add_flag("--json", invocation.is_json,
                  "One JSON object on standard output, progress as JSON lines on standard error");
  parser.add_flag("-q,--quiet", invocation.is_quiet, "Only results, warnings and errors");
  parser.add_flag("--no-progress", invocation.is_without_progress, "No progress bar");
}

void add_commands(CLI::App& parser, cli::Invocation& invocation) {
  cli::add_init(parser, invocation);
  cli::add_backup(parser, invocation);
  cli::add_points(parser, invocation);
  cli::add_restore(parser, invocation);
  cli::add_verify(parser, invocation);
  cli::add_diff(parser, invocation);
  cli::add_cat(parser, invocation);
  cli::add_dump(parser, invocation);
  cli::add_find(parser, invocation);
  cli::add_mount(parser, invocation);
  cli::add_plan(parser, invocation);
  cli::add_recover(parser, invocation);
  cli::add_check(parser, invocation);
  cli::add_run(parser, invocation);
  cli::add_status(parser, invocation);
  cli::add_doctor(parser, invocation);
  cli::add_prune(parser, invocation);
  cli::add_hold(parser, invocation);
  cli::add_repo(parser, invocation);
  cli::add_wal(parser, invocation);
  cli::add_serve(parser, invocation);
}

/// A server that asks for log takes every status up to 125 for the proof that there is none.
bool is_wal_fetch(const std::vector<std::string>& words) {
  constexpr std::array<std::string_view, 2> kFetch = {"wal", "fetch"};
  return std::ranges::search(words, kFetch).begin() != words.end();
}

/// Help that was asked for, or what is wrong with the words given, in the form of the mode.
int tell_usage(const CLI::App& parser, const CLI::ParseError& error,
               const std::vector<std::string>& words) {
  const int wrong_usage = is_wal_fetch(words) ? kWalDoubt : 2;
  const bool is_json = std::ranges::find(words, "--json") != words.end();
  if (is_json && error.get_exit_code() != 0) {
    static_cast<void>(cli::Console{true, false}.fail(
        Error{ErrorKind::kInvalid, error.what(), "Run it with --help for its words and options."}));
    return wrong_usage;
  }
  return parser.exit(error) == 0 ? 0 : wrong_usage;
}

Result<Secret> ask_on_terminal(const std::string& prompt) {
  return cli::ask_secret(prompt);
}

}  // namespace

int main(int argc, char** argv) {
  ::umask(0077);
  forbid_core_files();
  io::settle_signals();
  if (argc >= 2 && std::string_view{argv[1]} == "shim") return cli::run_shim(argc, argv);
  catch_signals();

  cli::Invocation invocation{stop_requested};
  if (io::is_terminal(STDIN_FILENO)) invocation.options.ask = ask_on_terminal;
  CLI::App parser{"Disaster recovery that you can run.", "reprieve"};
  parser.set_version_flag("--version", "reprieve " REPRIEVE_VERSION);
  parser.require_subcommand(1);
  parser.fallthrough();
  parser.get_formatter()->column_width(34);
  parser.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage or plan, 3 done with problems, 4 waiting for a\n"
      "person, 5 not found, 6 denied, 7 corrupt data, 8 conflict, 9 no space, 130 stopped.\n\n"
      "Example:\n"
      "  export REPRIEVE_REPO=/srv/repo REPRIEVE_PASSWORD_FILE=/root/repo.pass\n"
      "  reprieve init && reprieve backup /srv/data && reprieve points");
  add_globals(parser, invocation);
  add_commands(parser, invocation);
  try {
    parser.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tell_usage(parser, error, {argv, argv + argc});
  }
  const cli::Console console{invocation.is_json, invocation.is_quiet};
  auto& options = invocation.options;
  if (!invocation.repositories.empty()) {
    options.repo = invocation.repositories.front();
    options.replicas.assign(invocation.repositories.begin() + 1, invocation.repositories.end());
  }
  options.warn = [&console](const std::string& line) { console.warn(line); };
  return invocation.run(console);
}
