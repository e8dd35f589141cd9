#include "app/workspace.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "plan/lint.hpp"

namespace reprieve::cli {
namespace {

Result<int> run_lint(const Invocation& invocation, const Console& console) {
  REPRIEVE_TRY(const app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::LoadedPlan* loaded, workspace.plan());
  const auto findings = plan::lint(loaded->plan);
  Json json = Json::array();
  for (const plan::Finding& finding : findings) {
    json.push_back({{"rule", finding.rule},
                    {"subject", finding.subject},
                    {"line", finding.at.line},
                    {"column", finding.at.column},
                    {"reason", finding.reason},
                    {"remedy", finding.remedy}});
    console.show(fmt::format("{}:{}:{}: {}: {}\n    {}\n    {}", loaded->path, finding.at.line,
                             finding.at.column, finding.subject, finding.rule, finding.reason,
                             finding.remedy));
  }
  console.result({{"schema", "reprieve.lint/1"},
                  {"plan", loaded->plan.name},
                  {"hash", loaded->hash},
                  {"findings", json}});
  console.say(findings.empty()
                  ? fmt::format("{}: nothing to complain of ({} sources, {} scenarios).",
                                loaded->plan.name, loaded->plan.sources.size(),
                                loaded->plan.scenarios.size())
                  : fmt::format("{} promises of {} cannot be kept as it stands.", findings.size(),
                                loaded->plan.name));
  return findings.empty() ? kExitDone : kExitFailed;
}

Result<int> run_show(const Invocation& invocation, const Console& console) {
  REPRIEVE_TRY(const app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::LoadedPlan* loaded, workspace.plan());
  const auto canonical = parse_json(loaded->canonical);
  REPRIEVE_ASSERT(canonical.has_value());
  console.result({{"schema", "reprieve.plan/1"}, {"hash", loaded->hash}, {"plan", *canonical}});
  console.show(canonical->dump(2, ' ', false, Json::error_handler_t::replace));
  console.say("hash " + loaded->hash);
  return kExitDone;
}

}  // namespace

void add_plan(CLI::App& parser, Invocation& invocation) {
  auto* group = parser.add_subcommand("plan", "Check and show the plan");
  group->require_subcommand(1);
  group->footer("Example:\n  reprieve plan lint");
  auto* lint = group->add_subcommand("lint", "Tell which promises of the plan cannot be kept");
  lint->footer(
      "Exit code 0: none; 1: some; 2: the plan does not parse.\n\nExample:\n  reprieve plan lint");
  lint->callback([&invocation] {
    invocation.run = [&invocation](const Console& console) {
      return finish(console, [&] { return run_lint(invocation, console); });
    };
  });
  auto* show = group->add_subcommand("show", "Print the resolved plan and its hash");
  show->footer("Example:\n  reprieve plan show --json");
  show->callback([&invocation] {
    invocation.run = [&invocation](const Console& console) {
      return finish(console, [&] { return run_show(invocation, console); });
    };
  });
}

}  // namespace reprieve::cli
