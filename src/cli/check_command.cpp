#include "app/recovery_job.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

struct CheckArguments {
  std::vector<std::string> names;
  std::string source;
  std::string against;
};

Result<int> run_check(const Invocation& invocation, const CheckArguments& arguments,
                      const Console& console) {
  REPRIEVE_TRY(const app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const auto results,
               arguments.against.empty()
                   ? app::run_checks(workspace, arguments.names)
                   : app::run_checks_against(workspace, arguments.names, arguments.source,
                                             arguments.against, invocation.cancel));
  Json json = Json::array();
  bool is_good = true;
  for (const recovery::CheckResult& result : results) {
    json.push_back(recovery::to_json(result));
    console.show(printable(recovery::describe(result)));
    is_good = is_good && result.verdict == recovery::CheckResult::Verdict::kOk;
  }
  console.result({{"schema", "reprieve.check/1"}, {"good", is_good}, {"checks", json}});
  return is_good ? kExitDone : kExitFailed;
}

}  // namespace

void add_check(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand("check", "Run the plan's checks now");
  auto arguments = std::make_shared<CheckArguments>();
  command->add_option("check", arguments->names, "Names of checks (default: all)");
  auto* source = command->add_option("--source", arguments->source,
                                     "With --against: whose restored data are looked at");
  command
      ->add_option("--against", arguments->against,
                   "Look at restored data in this folder instead of the live ones")
      ->needs(source);
  command->footer(
      "Exit code 1 if one is not green. Failures are remembered: a recovery's clock starts with "
      "the\n"
      "first of them. --against starts a database privately and read-only, and stops it again.\n\n"
      "Examples:\n"
      "  reprieve check page\n"
      "  reprieve check orders --source shopdb --against /srv/restored");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_check(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
