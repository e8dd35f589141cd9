#include <utility>

#include "recovery/decide.hpp"
#include "recovery/record.hpp"
#include "report/run_report.hpp"

namespace reprieve::report {
namespace {

using recovery::ActState;
using recovery::DataLoss;
using recovery::StepRun;

Json time_or_null(const std::optional<Instant>& at) {
  return at ? Json(format_rfc3339(*at)) : Json(nullptr);
}
Json time_or_null(const std::optional<recovery::Moment>& moment) {
  return moment ? Json(format_rfc3339(moment->at)) : Json(nullptr);
}
Json duration_or_null(const std::optional<Duration>& duration) {
  return duration ? Json(duration->count()) : Json(nullptr);
}
template <class T>
Json number_or_null(const std::optional<T>& number) {
  return number ? Json(*number) : Json(nullptr);
}

std::string_view name_of(recovery::ClockStart::From from) {
  switch (from) {
    case recovery::ClockStart::From::kDisaster:
      return "disaster";
    case recovery::ClockStart::From::kFirstFailedCheck:
      return "first-failed-check";
    case recovery::ClockStart::From::kDeclaration:
      break;
  }
  return "declaration";
}

Json act_json(const ActState& act) {
  return Json{{"title", act.act.title},
              {"call", act.act.call},
              {"result", recovery::name_of(act.phase)},
              {"tries", act.tries},
              {"began", time_or_null(act.began)},
              {"ended", time_or_null(act.ended)},
              {"error", act.error}};
}

Json acts_json(const std::vector<ActState>& acts) {
  Json list = Json::array();
  for (const ActState& act : acts)
    list.push_back(act_json(act));
  return list;
}

Json step_json(const plan::Step& rule, const StepRun& step) {
  Json needs = Json::array();
  for (const plan::Name& need : rule.needs)
    needs.push_back(need.text);
  Json waits = Json::array();
  for (const recovery::HumanWait& wait : step.waits)
    waits.push_back(Json{{"question", wait.question},
                         {"began", format_rfc3339(wait.began.at)},
                         {"ended", time_or_null(wait.ended)}});
  return Json{{"id", rule.id},
              {"type", plan::name_of(rule.type())},
              {"class", plan::name_of(rule.step_class)},
              {"needs", std::move(needs)},
              {"state", recovery::name_of(step.state)},
              {"tries", step.generation},
              {"began", time_or_null(step.began)},
              {"ended", time_or_null(step.ended)},
              {"error", step.error},
              {"skipped_by", step.skipped_by},
              {"outputs", step.outputs},
              {"acts", acts_json(step.acts)},
              {"earlier_acts", acts_json(step.earlier_acts)},
              {"undo_acts", acts_json(step.undo_acts)},
              {"waits", std::move(waits)}};
}

Json loss_json(const DataLoss& loss) {
  return Json{{"source", loss.source},
              {"point", loss.point},
              {"recovered_to", time_or_null(loss.recovered_to)},
              {"last_known", time_or_null(loss.last_known)},
              {"lost_ns", duration_or_null(loss.lost)},
              {"lost_writes", number_or_null(loss.lost_writes)},
              {"known_writes", number_or_null(loss.known_writes)},
              {"bound_ns", duration_or_null(loss.bound)},
              {"objective_ns", duration_or_null(loss.objective)},
              {"verdict", recovery::name_of(loss.verdict)}};
}

Json measures_json(const recovery::Measures& measures) {
  const recovery::RecoveryTime& time = measures.time;
  Json json{{"recovery_time", Json{{"clock_from", name_of(time.start.from)},
                                   {"clock_started", format_rfc3339(time.start.at)},
                                   {"declared", format_rfc3339(time.declared)},
                                   {"ended", time_or_null(time.ended)},
                                   {"ended_by_checks", time.was_checked},
                                   {"total_ns", duration_or_null(time.total)},
                                   {"before_declaration_ns", time.before_declaration.count()},
                                   {"human_ns", time.human.count()},
                                   {"machine_ns", duration_or_null(time.machine)},
                                   {"objective_ns", duration_or_null(measures.objective)},
                                   {"verdict", recovery::name_of(measures.verdict)}}}};
  json["data_loss"] = Json::array();
  for (const DataLoss& loss : measures.losses)
    json["data_loss"].push_back(loss_json(loss));
  json["services"] = Json::array();
  for (const recovery::ServiceTime& service : measures.services)
    json["services"].push_back(Json{{"service", service.service},
                                    {"took_ns", duration_or_null(service.took)},
                                    {"objective_ns", duration_or_null(service.objective)},
                                    {"verdict", recovery::name_of(service.verdict)}});
  return json;
}

Json people_json(const recovery::RunState& state) {
  Json approvals = Json::array();
  for (const recovery::Approval& approval : state.approvals)
    approvals.push_back(Json{{"step", approval.step},
                             {"person", approval.person},
                             {"approved", approval.is_approved},
                             {"binding", approval.binding},
                             {"reason", approval.reason},
                             {"at", format_rfc3339(approval.at)}});
  Json notes = Json::array();
  for (const recovery::Note& note : state.notes)
    notes.push_back(Json{{"at", format_rfc3339(note.at)}, {"who", note.who}, {"text", note.text}});
  return Json{{"approvals", std::move(approvals)}, {"notes", std::move(notes)}};
}

}  // namespace

Json run_json(const RunReport& report) {
  const recovery::RunState& state = report.state;
  Json json{{"schema", "reprieve.run/1"},
            {"id", state.id},
            {"plan", state.plan_name},
            {"plan_sha256", state.plan_hash},
            {"scenario", state.scenario},
            {"world", state.world},
            {"requester", state.requester},
            {"reason", state.reason},
            {"host", state.host},
            {"version", state.version},
            {"params", state.params},
            {"headline", headline_of(report).text},
            {"outcome", state.outcome ? Json(recovery::name_of(*state.outcome)) : Json(nullptr)},
            {"outcome_text", state.outcome_text},
            {"started", time_or_null(state.started)},
            {"finished", time_or_null(state.finished)},
            {"resumes", state.resumes},
            {"measures", measures_json(report.measures)},
            {"steps", Json::array()}};
  if (const plan::Scenario* const scenario = report.plan.find_scenario(state.scenario)) {
    const plan::Scenario executed = recovery::executed_scenario(*scenario);
    for (const plan::Step& step : executed.steps)
      json["steps"].push_back(step_json(step, state.step(step.id)));
    json["critical_path"] = critical_path(executed, state);
  }
  json["people"] = people_json(state);
  return json;
}

}  // namespace reprieve::report
