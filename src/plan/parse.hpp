#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "plan/model.hpp"
#include "plan/position.hpp"

namespace reprieve::plan {

/// Something in a plan's text that keeps it from being used.
struct Problem {
  Position at;
  std::string what;  ///< Lower case, begins with the place: "sources.uploads.path: expected ...".
  std::string hint;  ///< What to do about it, as a full sentence; may be empty.
};

/// Either a plan without a problem, or at least one problem.
struct ParsedPlan {
  std::optional<Plan> plan;
  /// Sorted by position; at most kProblemsMax.
  std::vector<Problem> problems;
};
inline constexpr std::size_t kProblemsMax = 20;

/// Reads, checks and resolves a plan. `text` is UTF-8 YAML and untrusted: size, depth, nodes and
/// alias expansions are limited. Reads nothing but `text`. Reports as many problems as it can find
/// in one pass, not only the first.
ParsedPlan parse_plan(ByteView text);

/// The same for callers that only need one answer. Errors: kInvalid, whose text has one line for
/// each problem: "FILE:LINE:COLUMN: what".
Result<Plan> load_plan(ByteView text, std::string_view file);

/// "12:9: sources.uploads.path: expected ...", the hint in a second, indented line.
std::string to_text(const Problem& problem);

}  // namespace reprieve::plan
