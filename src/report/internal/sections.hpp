#pragma once

#include <string>
#include <string_view>

#include "report/run_report.hpp"

/// The sections of the page; each is a whole element, or empty if there is nothing to tell.
namespace reprieve::report {

std::string timeline_section(const RunReport& report, const plan::Scenario& executed);
std::string loss_section(const RunReport& report);
std::string steps_section(const RunReport& report, const plan::Scenario& executed);
std::string checks_section(const RunReport& report, const plan::Scenario& executed);
std::string people_section(const RunReport& report);
std::string environment_section(const RunReport& report);

/// The class that colours a verdict.
std::string_view css_of(recovery::Verdict verdict);
std::string_view css_of(recovery::StepState state);

}  // namespace reprieve::report
