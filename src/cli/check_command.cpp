#include "app/recovery_job.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

Result<int> run_check(const Invocation& invocation, const std::vector<std::string>& names,
                      const Console& console) {
  REPRIEVE_TRY(const app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const auto results, app::run_checks(workspace, names));
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
  auto names = std::make_shared<std::vector<std::string>>();
  command->add_option("check", *names, "Names of checks (default: all)");
  command->footer(
      "Exit code 1 if one is not green. Failures are remembered: a recovery's clock starts with "
      "the\n"
      "first of them.\n\nExample:\n  reprieve check page");
  command->callback([&invocation, names] {
    invocation.run = [&invocation, names](const Console& console) {
      return finish(console, [&] { return run_check(invocation, *names, console); });
    };
  });
}

}  // namespace reprieve::cli
