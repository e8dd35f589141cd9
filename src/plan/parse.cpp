#include "plan/parse.hpp"

#include <utility>

#include "base/format.hpp"

namespace reprieve::plan {

std::string to_text(const Problem& problem) {
  std::string text = fmt::format("{}:{}: {}", problem.at.line, problem.at.column, problem.what);
  if (!problem.hint.empty()) text += "\n  " + problem.hint;
  return text;
}

}  // namespace reprieve::plan
