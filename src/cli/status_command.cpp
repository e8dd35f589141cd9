#include "app/exposure.hpp"
#include "app/points.hpp"
#include "app/recovery_job.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

std::int64_t seconds_of(Duration d) {
  return d.count() / 1'000'000'000;
}

Json to_json(const app::SourceExposure& row) {
  Json json = {{"source", row.source},   {"point", nullptr},    {"exposure_seconds", nullptr},
               {"rpo_seconds", nullptr}, {"verified", nullptr}, {"kept", row.is_kept}};
  if (row.newest) json["point"] = row.newest->hex();
  if (row.exposure) json["exposure_seconds"] = seconds_of(*row.exposure);
  if (row.objective) json["rpo_seconds"] = seconds_of(*row.objective);
  if (row.verified) json["verified"] = format_rfc3339(*row.verified);
  return json;
}

std::string verdict_of(const app::SourceExposure& row) {
  if (!row.newest) return "NO RECOVERY POINT";
  return row.is_kept ? "ok" : "OVER ITS RPO";
}

void tell_sources(const Console& console, const std::vector<app::SourceExposure>& rows,
                  Instant now) {
  std::vector<std::vector<std::string>> cells = {
      {"SOURCE", "NEWEST POINT", "EXPOSURE", "RPO", "VERIFIED", ""}};
  for (const app::SourceExposure& row : rows)
    cells.push_back({row.source, row.newest ? app::short_id(*row.newest) : "-",
                     row.exposure ? format_duration(*row.exposure) : "-",
                     row.objective ? format_duration(*row.objective) : "-",
                     row.verified ? format_duration(now - *row.verified) + " ago" : "never",
                     verdict_of(row)});
  console.show(table(cells, {false, false, true, true, true, false}));
}

/// The newest run of each scenario: when it was last carried out, and how that ended.
Json tell_scenarios(const Console& console, const plan::Plan& plan,
                    const std::vector<recovery::RunSummary>& runs, Instant now) {
  Json json = Json::array();
  std::vector<std::vector<std::string>> cells = {{"SCENARIO", "LAST RUN", "OUTCOME"}};
  for (const plan::Scenario& scenario : plan.scenarios) {
    const recovery::RunSummary* last = nullptr;
    for (const recovery::RunSummary& run : runs)
      if (run.state.scenario == scenario.name && run.state.plan_name == plan.name) last = &run;
    std::string outcome = "never run";
    std::string age = "-";
    if (last != nullptr) {
      outcome = last->state.outcome ? recovery::name_of(*last->state.outcome) : "open";
      if (last->state.started) age = format_duration(now - last->state.started->at) + " ago";
    }
    cells.push_back({scenario.name, age, outcome});
    json.push_back({{"scenario", scenario.name},
                    {"run", last == nullptr ? Json(nullptr) : Json(last->id)},
                    {"outcome", outcome}});
  }
  if (!plan.scenarios.empty()) console.show("\n" + table(cells));
  return json;
}

Result<int> run_status(const Invocation& invocation, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  const app::LoadedPlan* const loaded = workspace.plan_if_any();
  const plan::Plan* const plan = loaded == nullptr ? nullptr : &loaded->plan;
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository());
  REPRIEVE_TRY(const auto runs, recovery::list_runs(workspace.state_dir()));
  const auto verifications =
      app::Verifications::load(workspace.state_dir(), to_hex(open.repository->id()));
  const Instant now = system_clock().now();
  REPRIEVE_TRY(const auto log_ends, app::read_log_ends(*open.repository, open.listed.snapshots));
  const auto rows = app::exposures(plan, open.listed.snapshots, log_ends, verifications, now);
  tell_sources(console, rows, now);
  Json sources = Json::array();
  bool is_kept = true;
  for (const app::SourceExposure& row : rows) {
    sources.push_back(to_json(row));
    is_kept = is_kept && row.is_kept && row.newest;
  }
  const Json scenarios =
      plan == nullptr ? Json::array() : tell_scenarios(console, *plan, runs, now);
  console.result({{"schema", "reprieve.status/1"},
                  {"plan", plan == nullptr ? Json(nullptr) : Json(plan->name)},
                  {"good", is_kept},
                  {"sources", sources},
                  {"scenarios", scenarios}});
  return is_kept ? kExitDone : kExitFailed;
}

}  // namespace

void add_status(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand(
      "status", "What would be lost now, against what was promised; when scenarios last ran");
  command->footer(
      "EXPOSURE is the data that a disaster now would cost. Exit code 1 if a source has no "
      "recovery\n"
      "point or is over its objective. Without a plan: every source of the "
      "repository.\n\nExample:\n  reprieve status");
  command->callback([&invocation] {
    invocation.run = [&invocation](const Console& console) {
      return finish(console, [&] { return run_status(invocation, console); });
    };
  });
}

}  // namespace reprieve::cli
