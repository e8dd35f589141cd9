#include <map>

#include "app/recovery_job.hpp"
#include "base/format.hpp"
#include "base/local_time.hpp"
#include "cli/command.hpp"
#include "cli/run_listener.hpp"
#include "cli/run_output.hpp"

namespace reprieve::cli {
namespace {

struct RecoverArguments {
  std::string scenario;
  std::string reason;
  std::string since;
  std::string at;
  std::vector<std::string> settings;
  std::vector<std::string> witnesses;
  bool is_dry_run = false;
};

Result<std::map<std::string, std::string>> parse_pairs(const std::vector<std::string>& texts,
                                                       const std::string& option) {
  std::map<std::string, std::string> pairs;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
      return Error{ErrorKind::kInvalid, fmt::format("{} {} is not NAME=VALUE", option, text),
                   fmt::format("Write it as {} name=value.", option)};
    pairs[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return pairs;
}

/// `--at POINT` is the value of the scenario's one recovery-point parameter.
Result<> set_point(const plan::Plan& plan, const RecoverArguments& arguments,
                   recovery::RunRequest& request) {
  if (arguments.at.empty()) return kOk;
  const plan::Scenario* scenario = plan.find_scenario(arguments.scenario);
  if (scenario == nullptr) return kOk;  // start_run() says so better.
  std::string found;
  for (const plan::Param& param : scenario->params) {
    if (param.type != plan::ParamType::kRecoveryPoint) continue;
    if (!found.empty())
      return Error{
          ErrorKind::kInvalid,
          "--at is ambiguous: " + scenario->name + " has several recovery-point parameters",
          "Set each with --set NAME=POINT."};
    found = param.name;
  }
  if (found.empty())
    return Error{
        ErrorKind::kInvalid, "the scenario " + scenario->name + " has no recovery-point parameter",
        "Add `params: {point: {type: recovery-point, ...}}` and use `at: \"{params.point}\"`."};
  request.params[found] = arguments.at;
  return kOk;
}

int tell_dry_run(const Console& console, const std::string& scenario,
                 const std::vector<recovery::DryStep>& steps) {
  Json json = Json::array();
  bool is_possible = true;
  console.show(fmt::format("Dry run of {}: nothing is changed.", scenario));
  for (const recovery::DryStep& step : steps) {
    json.push_back({{"step", step.step},
                    {"type", step.type},
                    {"needs", step.needs},
                    {"calls", step.calls},
                    {"remarks", step.remarks},
                    {"problem", step.problem}});
    is_possible = is_possible && step.problem.empty();
    std::string after;
    for (const std::string& need : step.needs)
      after += (after.empty() ? "  after " : ", ") + need;
    console.show(fmt::format("\n{:<14} {}{}", step.step, step.type, after));
    for (const std::string& call : step.calls)
      console.show("    " + printable(call));
    for (const std::string& remark : step.remarks)
      console.show("    - " + printable(remark));
    if (!step.problem.empty()) console.show("    ! " + printable(step.problem));
  }
  console.result({{"schema", "reprieve.dry-run/1"}, {"scenario", scenario}, {"steps", json}});
  return is_possible ? kExitDone : kExitFailed;
}

Result<int> run_recover(const Invocation& invocation, const RecoverArguments& arguments,
                        const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::LoadedPlan* loaded, workspace.plan());
  recovery::RunRequest request;
  request.scenario = arguments.scenario;
  request.reason = arguments.reason;
  request.who = app::current_person();
  request.version = REPRIEVE_VERSION;
  REPRIEVE_TRY(request.params, parse_pairs(arguments.settings, "--set"));
  REPRIEVE_TRY(request.witnesses, parse_pairs(arguments.witnesses, "--witness"));
  REPRIEVE_RETURN_IF_ERROR(set_point(loaded->plan, arguments, request));
  if (!arguments.since.empty()) {
    request.disaster_at = parse_rfc3339(arguments.since);
    if (!request.disaster_at) return not_a_moment(arguments.since).at("--since");
  }
  if (arguments.is_dry_run) {
    REPRIEVE_TRY(const auto steps, app::recover_dry(workspace, request, invocation.cancel));
    return tell_dry_run(console, arguments.scenario, steps);
  }
  RunTeller teller{console};
  recovery::RunOptions options;
  options.cancel = &invocation.cancel;
  REPRIEVE_TRY(const recovery::RunEnd end,
               app::recover(workspace, std::move(request), options, teller, invocation.cancel));
  return tell_end(console, workspace.state_dir(), end);
}

}  // namespace

void add_recover(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand("recover", "Carry out a scenario of the plan");
  auto arguments = std::make_shared<RecoverArguments>();
  command->add_option("scenario", arguments->scenario, "A scenario of the plan")->required();
  command->add_flag("--dry-run", arguments->is_dry_run,
                    "Print every step's exact calls, change nothing");
  command->add_option("--set", arguments->settings, "NAME=VALUE of a scenario's parameter");
  command->add_option("--at", arguments->at, "POINT, for the scenario's recovery-point parameter");
  command->add_option("--since", arguments->since, "When the disaster struck, if it is known");
  command->add_option("--reason", arguments->reason, "Why; kept in the journal");
  command->add_option("--witness", arguments->witnesses,
                      "SOURCE=FILE of lines that begin with the time of an acknowledged write");
  command->footer(
      "Every effect is journaled before and after. After a crash, or when it waits for a person\n"
      "(exit code 4), `reprieve run resume` goes on.\n\n"
      "Examples:\n"
      "  reprieve recover shop-lost --dry-run\n"
      "  reprieve recover shop-lost --since 2026-11-20T14:49:00Z --reason \"disk of db1 died\"");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_recover(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
