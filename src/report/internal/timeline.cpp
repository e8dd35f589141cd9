#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/format.hpp"
#include "recovery/decide.hpp"
#include "report/internal/html.hpp"
#include "report/internal/sections.hpp"

namespace reprieve::report {
namespace {

using recovery::StepRun;
using recovery::StepState;

constexpr double kLabelWidth = 190;
constexpr double kChartWidth = 730;
constexpr double kRowHeight = 26;
constexpr double kBarHeight = 14;
constexpr double kTop = 34;
constexpr double kTailRoom = 80;  // For the duration written behind the last bar.

/// Maps moments to the chart's columns.
struct Scale {
  Instant from;
  double seconds = 1;

  [[nodiscard]] double x(Instant at) const {
    const double share = static_cast<double>((at - from).count()) / 1e9 / seconds;
    return kLabelWidth + std::clamp(share, 0.0, 1.0) * (kChartWidth - kTailRoom);
  }
};

Scale scale_of(const RunReport& report, const plan::Scenario& executed) {
  const recovery::RecoveryTime& time = report.measures.time;
  Instant last = time.declared;
  for (const plan::Step& step : executed.steps) {
    const StepRun& run = report.state.step(step.id);
    if (run.ended) last = std::max(last, run.ended->at);
    if (run.is_active()) last = std::max(last, report.now);
  }
  // A disaster long before the first act would squeeze the steps into a corner.
  const Duration work = last - time.declared;
  const bool is_near = time.declared - time.start.at <= work * 2;
  const Instant from = is_near ? std::min(time.start.at, time.declared) : time.declared;
  return {.from = from,
          .seconds = std::max(static_cast<double>((last - from).count()) / 1e9, 0.01)};
}

/// 1, 2 or 5 times a power of ten, or a round part of a minute or hour: about six ticks.
double tick_of(double seconds) {
  constexpr std::array<double, 22> kTicks = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                             0.5,   1,     2,     5,    10,   30,   60,  120,
                                             300,   600,   1800,  3600, 7200, 21600};
  for (const double tick : kTicks)
    if (seconds / tick <= 8) return tick;
  return std::ceil(seconds / 8 / 86400) * 86400;
}

std::string tick_label(double seconds) {
  if (seconds == 0) return "0";
  return format_duration(Duration{static_cast<std::int64_t>(seconds * 1e9)});
}

std::string axis(const Scale& scale, double height) {
  std::string svg;
  const double tick = tick_of(scale.seconds);
  for (int i = 0; i * tick <= scale.seconds * 1.0001; ++i) {
    const Instant at = scale.from + Duration{static_cast<std::int64_t>(i * tick * 1e9)};
    svg += fmt::format(
        "<line class=grid x1='{0:.1f}' y1='{1}' x2='{0:.1f}' y2='{2}'/>"
        "<text class=tick x='{0:.1f}' y='{3}'>{4}</text>",
        scale.x(at), kTop - 6, height - 4, kTop - 12, tick_label(i * tick));
  }
  return svg;
}

std::string marker(const Scale& scale, Instant at, double height, std::string_view css,
                   std::string_view title) {
  if (at < scale.from) return {};
  return fmt::format(
      "<line class='mark {}' x1='{:.1f}' y1='{}' x2='{:.1f}' y2='{}'><title>{}</title></line>", css,
      scale.x(at), kTop - 6, scale.x(at), height - 4, escape(title));
}

std::string bar(const Scale& scale, double y, Instant from, Instant to, std::string_view css) {
  const double x = scale.x(from);
  return fmt::format("<rect class='{}' x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{}' rx='3'/>",
                     css, x, y, std::max(scale.x(to) - x, 2.0), kBarHeight);
}

std::string row(const RunReport& report, const Scale& scale, const plan::Step& rule, double y,
                bool is_critical) {
  const StepRun& step = report.state.step(rule.id);
  const double middle = y + kBarHeight / 2 + 4;
  std::string svg =
      fmt::format("<text class='label{}' x='{}' y='{:.1f}'>{}</text>",
                  is_critical ? " critical" : "", kLabelWidth - 10, middle, escape(rule.id));
  if (!step.began || step.state == StepState::kSkipped || step.state == StepState::kPending)
    return svg + fmt::format("<text class=none x='{}' y='{:.1f}'>{}</text>", kLabelWidth + 2,
                             middle, step.state == StepState::kSkipped ? "skipped" : "not begun");
  const Instant end = step.ended ? step.ended->at : report.now;
  svg += "<g>" + bar(scale, y, step.began->at, end,
                     fmt::format("bar {}{}", css_of(step.state), is_critical ? " critical" : ""));
  for (const recovery::HumanWait& wait : step.waits)
    svg += bar(scale, y, wait.began.at, wait.ended ? wait.ended->at : report.now, "wait");
  svg += fmt::format("<title>{}: {}, {}</title></g>", escape(rule.id),
                     recovery::name_of(step.state), format_duration(end - step.began->at));
  return svg + fmt::format("<text class=took x='{:.1f}' y='{:.1f}'>{}</text>",
                           std::max(scale.x(end), scale.x(step.began->at) + 2) + 6, middle,
                           format_duration(end - step.began->at));
}

}  // namespace

std::string timeline_svg(const RunReport& report, const plan::Scenario& executed) {
  const Scale scale = scale_of(report, executed);
  const auto path = critical_path(executed, report.state);
  const std::set<std::string> critical{path.begin(), path.end()};
  const double height = kTop + kRowHeight * static_cast<double>(executed.steps.size()) + 8;
  std::string svg = fmt::format(
      "<svg class=timeline role=img aria-label='Steps over time' viewBox='0 0 {} {}'>"
      "<defs><pattern id=hatch width=6 height=6 patternUnits=userSpaceOnUse "
      "patternTransform='rotate(45)'><rect class=hatch-ground width=6 height=6 /><rect "
      "class=hatch-line "
      "width=2.5 height=6 /></pattern></defs>",
      kLabelWidth + kChartWidth, height);
  svg += axis(scale, height);
  double y = kTop;
  for (const plan::Step& step : executed.steps) {
    svg += row(report, scale, step, y, critical.contains(step.id));
    y += kRowHeight;
  }
  const recovery::RecoveryTime& time = report.measures.time;
  svg += marker(scale, time.start.at, height, "start", "the recovery clock begins");
  svg += marker(scale, time.declared, height, "declared", "declared");
  if (time.ended) svg += marker(scale, *time.ended, height, "green", "recovered");
  if (report.measures.objective)
    if (const Instant deadline = time.start.at + *report.measures.objective;
        scale.x(deadline) < kLabelWidth + kChartWidth - kTailRoom)
      svg += marker(scale, deadline, height, "deadline", "objective");
  return svg + "</svg>";
}

}  // namespace reprieve::report
