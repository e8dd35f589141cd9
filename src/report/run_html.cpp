#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/format.hpp"
#include "recovery/decide.hpp"
#include "recovery/record.hpp"
#include "report/internal/html.hpp"
#include "report/internal/sections.hpp"
#include "report/run_report.hpp"

namespace reprieve::report {
namespace {

using recovery::RecoveryTime;

std::string_view css_of_headline(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "good";
    case Verdict::kMissed:
      return "warn";
    case Verdict::kBad:
      return "bad";
    case Verdict::kOpen:
      break;
  }
  return "open";
}

std::string head(const RunReport& report) {
  const recovery::RunState& state = report.state;
  const Headline headline = headline_of(report);
  const bool is_real = state.world == "real";
  std::string html = fmt::format(
      "<header><h1>{}</h1><span class='badge {}'>{}</span><span class='badge "
      "{}'>{}</span></header>",
      escape(state.scenario), css_of_headline(headline.verdict), escape(headline.text),
      is_real ? "bad" : "open", is_real ? "REAL" : escape(state.world));
  html += fmt::format(
      "<p class=soft>Run <span class=mono>{}</span> of plan {} on {}, asked for by {}{}{}</p>",
      escape(state.id), escape(state.plan_name),
      state.started ? format_rfc3339(state.started->at).substr(0, 10) : "–",
      escape(state.requester), state.reason.empty() ? "" : ": ", escape(state.reason));
  const bool explains = state.outcome && *state.outcome != recovery::RunOutcome::kDone;
  if (explains) html += fmt::format("<p class=bad>{}</p>", escape(state.outcome_text));
  return html;
}

std::string gauge(const std::optional<Duration>& value, const std::optional<Duration>& objective) {
  if (!value || !objective || objective->count() <= 0) return {};
  const double share =
      static_cast<double>(value->count()) / static_cast<double>(objective->count());
  return fmt::format("<div class=gauge><i style='width:{:.1f}%'></i></div>",
                     std::clamp(share * 100, 0.5, 100.0));
}

std::string goal_line(const std::optional<Duration>& objective, recovery::Verdict verdict) {
  if (!objective) return "<div class='goal soft'>no objective in the plan</div>";
  return fmt::format("<div class=goal>objective {}: <b class={}>{}</b></div>",
                     format_duration(*objective), css_of(verdict), recovery::name_of(verdict));
}

std::string card(std::string_view name, const std::string& value, std::string_view css,
                 const std::string& rest) {
  return fmt::format(
      "<div class=card><div class=name>{}</div><div class='value {}'>{}</div>{}</div>",
      escape(name), css, escape(value), rest);
}

std::string cards(const RunReport& report) {
  const recovery::Measures& measures = report.measures;
  std::string html = "<div class=cards>";
  html += card("Recovery time", duration_or_dash(measures.time.total), css_of(measures.verdict),
               fmt::format("<div class={}>{}</div>{}", css_of(measures.verdict),
                           gauge(measures.time.total, measures.objective),
                           goal_line(measures.objective, measures.verdict)));
  for (const recovery::DataLoss& loss : measures.losses) {
    std::string value = "not known";
    if (loss.lost)
      value = format_duration(*loss.lost);
    else if (loss.bound)
      value = "≤ " + format_duration(*loss.bound);
    std::string rest = fmt::format("<div class={}>{}</div>{}", css_of(loss.verdict),
                                   gauge(loss.lost ? loss.lost : loss.bound, loss.objective),
                                   goal_line(loss.objective, loss.verdict));
    if (loss.lost_writes)
      rest +=
          fmt::format("<div class=goal>{} of {} acknowledged writes</div>",
                      format_count(*loss.lost_writes), format_count(loss.known_writes.value_or(0)));
    html += card("Data loss, " + loss.source, value, css_of(loss.verdict), rest);
  }
  return html + "</div>";
}

std::string part(std::string_view css, Duration length, Duration total) {
  if (length <= Duration{} || total <= Duration{}) return {};
  return fmt::format(
      "<i class={} style='width:{:.2f}%'></i>", css,
      100.0 * static_cast<double>(length.count()) / static_cast<double>(total.count()));
}

std::string_view start_words(recovery::ClockStart::From from) {
  switch (from) {
    case recovery::ClockStart::From::kDisaster:
      return "the disaster, as it was given";
    case recovery::ClockStart::From::kFirstFailedCheck:
      return "the first failed check";
    case recovery::ClockStart::From::kDeclaration:
      break;
  }
  return "the declaration";
}

std::string time_section(const RunReport& report) {
  const RecoveryTime& time = report.measures.time;
  std::string html = "<section><h2>Recovery time</h2>";
  if (time.total) {
    const Duration machine = time.machine.value_or(Duration{});
    html += "<div class=parts>" + part("p1", time.before_declaration, *time.total) +
            part("p2", machine, *time.total) + part("p3", time.human, *time.total) + "</div>";
    html += fmt::format(
        "<p class=soft><span class='key p1'></span>before the declaration {}<span class='key "
        "p2'></span>machine {}<span class='key p3'></span>waiting for people {}</p>",
        format_duration(time.before_declaration), format_duration(machine),
        format_duration(time.human));
  }
  html += fmt::format("<dl><dt>Clock began</dt><dd>{} with {}</dd><dt>Declared</dt><dd>{}</dd>",
                      format_rfc3339(time.start.at), start_words(time.start.from),
                      format_rfc3339(time.declared));
  std::string end = "not yet";
  if (time.ended)
    end =
        fmt::format("{} with {}", format_rfc3339(*time.ended),
                    time.was_checked ? "all final checks green" : "the last step; no final checks");
  html += fmt::format("<dt>Clock ended</dt><dd>{}</dd>", end);
  if (report.state.first_failed_check &&
      time.start.from != recovery::ClockStart::From::kFirstFailedCheck)
    html += fmt::format("<dt>First failed check</dt><dd>{} ({})</dd>",
                        format_rfc3339(*report.state.first_failed_check),
                        escape(report.state.first_failed_check_name));
  for (const recovery::ServiceTime& service : report.measures.services)
    html += fmt::format(
        "<dt>Service {}</dt><dd>up after {}{}</dd>", escape(service.service),
        duration_or_dash(service.took),
        service.objective
            ? fmt::format(", objective {}: <b class={}>{}</b>", format_duration(*service.objective),
                          css_of(service.verdict), recovery::name_of(service.verdict))
            : "");
  return html + "</dl></section>";
}

}  // namespace

std::string_view css_of(recovery::Verdict verdict) {
  switch (verdict) {
    case recovery::Verdict::kMet:
      return "good";
    case recovery::Verdict::kMissed:
      return "bad";
    case recovery::Verdict::kUnknown:
      return "warn";
    case recovery::Verdict::kNone:
      break;
  }
  return "soft";
}

std::string run_html(const RunReport& report) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport "
      "content='width=device-width,initial-scale=1'><meta http-equiv=Content-Security-Policy "
      "content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>{} {}</title><style>{}"
      "</style></head><body><main>",
      escape(report.state.id), escape(headline_of(report).text), page_style());
  html += head(report) + cards(report);
  if (const plan::Scenario* const scenario = report.plan.find_scenario(report.state.scenario)) {
    const plan::Scenario executed = recovery::executed_scenario(*scenario);
    html += timeline_section(report, executed);
    html += time_section(report);
    html += loss_section(report);
    html += steps_section(report, executed);
    html += checks_section(report, executed);
  }
  html += people_section(report) + environment_section(report);
  html += fmt::format("<footer>Written {} from the run's journal ({} records).</footer>",
                      format_rfc3339(report.now), report.state.records);
  return html + "</main></body></html>\n";
}

}  // namespace reprieve::report
