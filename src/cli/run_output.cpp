#include "cli/run_output.hpp"

#include "app/recovery_job.hpp"
#include "base/format.hpp"

namespace reprieve::cli {
namespace {

void tell_questions(const Console& console, const std::string& id, const plan::Plan& plan,
                    const recovery::RunState& state) {
  for (const recovery::Question& question : recovery::open_questions(plan, state)) {
    console.say(
        fmt::format("\nWaiting for a person: {}: {}", question.step, printable(question.text)));
    if (!question.is_approval) {
      console.say(
          fmt::format("  reprieve run answer {} {} retry|skip|did-happen|did-not-happen|"
                      "rollback|abort --reason WHY",
                      id, question.step));
      continue;
    }
    std::string names;
    for (const std::string& name : question.approvers)
      names += (names.empty() ? "" : ", ") + name;
    console.say("  may approve: " + names);
    console.say(
        fmt::format("  reprieve run approve {} {} --as NAME --key FILE", id, question.step));
  }
}

}  // namespace

Result<int> tell_end(const Console& console, const std::string& state_dir,
                     const recovery::RunEnd& end) {
  REPRIEVE_TRY(const app::LoadedRun run, app::load_run(state_dir, end.id));
  const report::RunReport report{run.plan, run.state, run.measures, system_clock().now()};
  console.result(report::run_json(report));
  console.show("\n" + report::run_text(report));
  if (end.end == recovery::Executor::End::kWaitsForPerson)
    tell_questions(console, end.id, run.plan, run.state);
  if (end.end != recovery::Executor::End::kFinished)
    console.say(
        fmt::format("\nThe run stands where it is; go on with `reprieve run resume {}`.", end.id));
  return recovery::exit_code_of(end);
}

}  // namespace reprieve::cli
