#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "plan/model.hpp"
#include "recovery/measure.hpp"
#include "recovery/run_state.hpp"

/// The account of one run, for people and for programs. Pure: everything comes from the journal
/// (RunState), the pinned plan and the measures.
namespace reprieve::report {

struct RunReport {
  const plan::Plan& plan;
  const recovery::RunState& state;
  const recovery::Measures& measures;
  Instant now;  ///< For what is still open.
};

/// One object of schema "reprieve.run/1" (docs/runs.md): times are RFC 3339 UTC, durations integer
/// nanoseconds in members that end in `_ns`, sizes integer bytes. Members may be added, never
/// changed.
Json run_json(const RunReport& report);

/// A summary of at most 100 columns for a terminal. No control characters but line ends.
std::string run_text(const RunReport& report);

/// One self-contained page: no script, no request to anywhere; prints; follows the reader's light
/// or dark setting. Everything that comes from outside is escaped.
std::string run_html(const RunReport& report);

/// The whole story in a word or two, such as "recovered" or "waiting for a person".
enum class Verdict : std::uint8_t { kGood, kMissed, kBad, kOpen };
struct Headline {
  Verdict verdict = Verdict::kOpen;
  std::string text;
};
Headline headline_of(const RunReport& report);

/// Ids of the steps whose durations add up to the run's: from the last one to end, each one's
/// latest predecessor. In order of execution.
std::vector<std::string> critical_path(const plan::Scenario& executed,
                                       const recovery::RunState& state);

}  // namespace reprieve::report
