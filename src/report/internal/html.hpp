#pragma once

#include <string>
#include <string_view>

#include "report/run_report.hpp"

namespace reprieve::report {

/// Text as HTML and XML attributes and content may hold it. Control characters become U+FFFD.
std::string escape(std::string_view text);

/// Steps over time: one row each, what people were waited for hatched, the critical path marked.
std::string timeline_svg(const RunReport& report, const plan::Scenario& executed);

/// The page's style sheet.
std::string_view page_style();

/// "12.3 s", or a dash.
std::string duration_or_dash(const std::optional<Duration>& duration);
/// "14:49:03.2", or a dash: the day is in the page's head.
std::string clock_time(const std::optional<Instant>& at);

}  // namespace reprieve::report
