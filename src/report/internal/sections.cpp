#include "report/internal/sections.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/format.hpp"
#include "recovery/decide.hpp"
#include "recovery/record.hpp"
#include "report/internal/html.hpp"

namespace reprieve::report {
namespace {

using recovery::ActState;
using recovery::integer_of;
using recovery::StepRun;
using recovery::StepState;
using recovery::text_of;

/// The words beside the colour: never colour alone.
std::string state_words(const StepRun& step) {
  if (step.state == StepState::kDoneObserved) return "✔ was so already";
  if (step.state == StepState::kDone) return "✔ done";
  if (step.state == StepState::kFailed) return "✖ failed";
  if (step.state == StepState::kUnknown) return "? unknown";
  if (step.state == StepState::kSkipped) return "– skipped";
  if (step.state == StepState::kUndone) return "↩ taken back";
  if (step.state == StepState::kRunning && step.is_asked) return "… waits";
  return std::string{recovery::name_of(step.state)};
}

std::string calls_of(const StepRun& step) {
  std::string html;
  const auto add = [&](const ActState& act, std::string_view before) {
    html += fmt::format("<div>{}{}", before, escape(act.act.call));
    if (!act.error.empty()) html += fmt::format(" <span class=bad>{}</span>", escape(act.error));
    html += "</div>";
  };
  for (const ActState& act : step.earlier_acts)
    add(act, "<span class=soft>earlier try: </span>");
  for (const ActState& act : step.acts)
    add(act,
        act.phase == ActState::Phase::kDoneObserved ? "<span class=soft>(not needed) </span>" : "");
  for (const ActState& act : step.undo_acts)
    add(act, "<span class=soft>undo: </span>");
  return html;
}

std::string step_row(const RunReport& report, const plan::Step& rule) {
  const StepRun& step = report.state.step(rule.id);
  std::string took = "–";
  if (step.began && step.ended) took = format_duration(step.ended->at - step.began->at);
  std::string note;
  if (!step.error.empty()) note = fmt::format("<div class=bad>{}</div>", escape(step.error));
  if (!step.skipped_by.empty())
    note += fmt::format("<div class=soft>by {}</div>", escape(step.skipped_by));
  if (step.generation > 1) note += fmt::format("<div class=soft>{} tries</div>", step.generation);
  return fmt::format(
      "<tr><td><b>{}</b><div class=soft>{}</div></td><td class={}>{}{}</td><td class=num>{}</td>"
      "<td class=num>{}</td><td class=call>{}</td></tr>",
      escape(rule.id), plan::name_of(rule.type()), css_of(step.state), state_words(step), note,
      clock_time(step.began ? std::optional{step.began->at} : std::nullopt), took, calls_of(step));
}

std::string loss_row(const RunReport& report, const recovery::DataLoss& loss) {
  std::string verified = "never";
  std::uint64_t bytes = 0;
  for (const auto& [id, step] : report.state.steps) {
    if (text_of(step.outputs, "point") != loss.point || loss.point.empty()) continue;
    if (const std::string text = text_of(step.outputs, "point_verified"); !text.empty())
      verified = text;
    bytes = static_cast<std::uint64_t>(
        std::max(integer_of(step.outputs, "bytes"), integer_of(step.outputs, "point_bytes")));
  }
  std::string sum;
  if (loss.lost && loss.last_known)
    sum = fmt::format("{} − {} = <b>{}</b>", clock_time(loss.last_known),
                      clock_time(loss.recovered_to), format_duration(*loss.lost));
  else if (loss.bound)
    sum = fmt::format(
        "nobody recorded how far it had come; at most <b>{}</b>, from the point to the "
        "start of the clock",
        format_duration(*loss.bound));
  if (loss.lost_writes)
    sum +=
        fmt::format("<div class=soft>{} of {} acknowledged writes are later</div>",
                    format_count(*loss.lost_writes), format_count(loss.known_writes.value_or(0)));
  return fmt::format(
      "<tr><td><b>{}</b></td><td class=mono>{}</td><td class=nw>{}</td><td>{}</td><td "
      "class=num>{}</td>"
      "<td>{}</td><td class={}>{}</td></tr>",
      escape(loss.source), escape(loss.point.substr(0, 12)),
      loss.recovered_to ? format_rfc3339(*loss.recovered_to) : "–", escape(verified),
      bytes == 0 ? "–" : format_size(bytes), sum, css_of(loss.verdict),
      recovery::name_of(loss.verdict));
}

std::string check_rows(const std::string& step_id, const StepRun& step) {
  std::string html;
  for (const auto* const acts : {&step.earlier_acts, &step.acts}) {
    for (const ActState& act : *acts) {
      const auto results = act.outputs.find("results");
      if (results == act.outputs.end() || !results->is_array()) continue;
      for (const Json& result : *results) {
        const bool is_ok = text_of(result, "verdict") == "ok";
        html += fmt::format(
            "<tr><td><b>{}</b></td><td>{}</td><td class={}>{} {}</td><td>{}</td>"
            "<td class=num>{}</td><td class=num>{}</td></tr>",
            escape(text_of(result, "check")), escape(step_id), is_ok ? "good" : "bad",
            is_ok ? "✔" : "✖", escape(text_of(result, "verdict")),
            escape(is_ok ? text_of(result, "measured") : text_of(result, "text")),
            integer_of(result, "tries"), clock_time(recovery::time_of(result, "at")));
      }
    }
  }
  return html;
}

}  // namespace

std::string_view css_of(StepState state) {
  switch (state) {
    case StepState::kDone:
    case StepState::kDoneObserved:
      return "good";
    case StepState::kFailed:
    case StepState::kUnknown:
    case StepState::kUndoFailed:
      return "bad";
    case StepState::kUndoing:
    case StepState::kUndone:
      return "warn";
    case StepState::kRunning:
      return "open";
    default:
      return "soft";
  }
}

std::string timeline_section(const RunReport& report, const plan::Scenario& executed) {
  return "<section><h2>Time line</h2><div class=scroll>" + timeline_svg(report, executed) +
         "</div><p class=soft>Strong bars are the critical path: only they set the recovery time. "
         "Hatched is waiting for people. Lines: <span class=bad>clock begins</span>, <span "
         "class=open>declared</span>, <span class=good>recovered</span>, <span class=warn>objective"
         "</span>.</p></section>";
}

std::string loss_section(const RunReport& report) {
  if (report.measures.losses.empty()) return {};
  std::string html =
      "<section><h2>Recovery points and data loss</h2><div class=scroll><table><tr><th>Source"
      "<th>Point<th>Recovered to<th>Verified<th class=num>Size<th>Loss<th>Objective</tr>";
  for (const recovery::DataLoss& loss : report.measures.losses)
    html += loss_row(report, loss);
  return html + "</table></div></section>";
}

std::string steps_section(const RunReport& report, const plan::Scenario& executed) {
  std::string html =
      "<section><h2>Steps</h2><div class=scroll><table><tr><th>Step<th>State<th class=num>Began"
      "<th class=num>Took<th>Exactly</tr>";
  for (const plan::Step& step : executed.steps)
    html += step_row(report, step);
  return html + "</table></div></section>";
}

std::string checks_section(const RunReport& report, const plan::Scenario& executed) {
  std::string rows;
  for (const plan::Step& step : executed.steps)
    rows += check_rows(step.id, report.state.step(step.id));
  if (rows.empty()) return {};
  return "<section><h2>Checks</h2><div class=scroll><table><tr><th>Check<th>In step<th>Verdict"
         "<th>Measured<th class=num>Tries<th class=num>At</tr>" +
         rows + "</table></div></section>";
}

std::string people_section(const RunReport& report) {
  const recovery::RunState& state = report.state;
  std::string rows;
  const auto add = [&](Instant at, std::string_view who, const std::string& what) {
    rows += fmt::format("<tr><td class=num>{}</td><td><b>{}</b></td><td>{}</td></tr>",
                        clock_time(at), escape(who), what);
  };
  for (const auto& [id, step] : state.steps)
    for (const recovery::HumanWait& wait : step.waits)
      add(wait.began.at, id,
          fmt::format(
              "asked: {} <span class=soft>({})</span>", escape(wait.question),
              wait.ended ? "waited " + format_duration(wait.ended->at - wait.began.at) : "open"));
  for (const recovery::Approval& approval : state.approvals)
    add(approval.at, approval.person,
        fmt::format("{} {}{}{}", approval.is_approved ? "approved" : "rejected",
                    escape(approval.step), approval.reason.empty() ? "" : ": ",
                    escape(approval.reason)));
  for (const recovery::Note& note : state.notes)
    add(note.at, note.who, escape(note.text));
  if (rows.empty()) return {};
  return "<section><h2>People</h2><div class=scroll><table>" + rows + "</table></div></section>";
}

std::string environment_section(const RunReport& report) {
  const recovery::RunState& state = report.state;
  std::string params;
  for (const auto& [name, value] : state.params)
    params += fmt::format("{}{} = {}", params.empty() ? "" : ", ", name, value);
  return fmt::format(
      "<section><h2>Environment</h2><dl><dt>Host</dt><dd>{}</dd><dt>Program</dt><dd>reprieve "
      "{}</dd>"
      "<dt>Plan</dt><dd>{}, SHA-256 <span class=mono>{}</span></dd><dt>Parameters</dt><dd>{}</dd>"
      "<dt>Taken up again</dt><dd>{} times</dd></dl></section>",
      escape(state.host), escape(state.version), escape(state.plan_name), escape(state.plan_hash),
      params.empty() ? "none" : escape(params), state.resumes);
}

}  // namespace reprieve::report
