#include "app/diagnosis.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

using Verdict = app::Finding::Verdict;

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kBad:
      return "bad";
  }
  return "unknown";
}

Result<int> run_doctor(const Invocation& invocation, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  const auto findings = app::diagnose(workspace, invocation.cancel);
  Json json = Json::array();
  std::size_t bad = 0;
  for (const app::Finding& finding : findings) {
    json.push_back({{"verdict", name_of(finding.verdict)},
                    {"subject", finding.subject},
                    {"what", finding.what},
                    {"remedy", finding.remedy}});
    if (finding.verdict == Verdict::kBad) ++bad;
    console.show(
        fmt::format("{:8} {}: {}", name_of(finding.verdict), finding.subject, finding.what));
    if (!finding.remedy.empty()) console.show("         " + finding.remedy);
  }
  console.result({{"schema", "reprieve.doctor/1"}, {"findings", json}});
  console.say(bad == 0 ? "Nothing is in the way." : fmt::format("{} things are in the way.", bad));
  return bad == 0 ? kExitDone : kExitFailed;
}

}  // namespace

void add_doctor(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand(
      "doctor", "What is wrong with this installation and what to do about it");
  command->footer(
      "Changes nothing. Exit code 1 if something is in the way.\n\nExample:\n  reprieve doctor");
  command->callback([&invocation] {
    invocation.run = [&invocation](const Console& console) {
      return finish(console, [&] { return run_doctor(invocation, console); });
    };
  });
}

}  // namespace reprieve::cli
