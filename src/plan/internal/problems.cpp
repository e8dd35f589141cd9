#include "plan/internal/problems.hpp"

#include <algorithm>
#include <utility>

namespace reprieve::plan {

void Problems::add(Position at, std::string what, std::string hint) {
  if (is_full()) return;
  problems_.push_back({at, std::move(what), std::move(hint)});
}

std::vector<Problem> Problems::take() && {
  std::ranges::stable_sort(problems_, {}, &Problem::at);
  // An alias repeats the text of its anchor, and with it what is wrong there.
  const auto same = [](const Problem& a, const Problem& b) {
    return a.at == b.at && a.what == b.what;
  };
  problems_.erase(std::unique(problems_.begin(), problems_.end(), same), problems_.end());
  if (problems_.size() > kProblemsMax) problems_.resize(kProblemsMax);
  return std::move(problems_);
}

}  // namespace reprieve::plan
