#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/parse.hpp"
#include "plan/position.hpp"

namespace reprieve::plan {

/// Collects what is wrong with one plan. Stops collecting at kProblemsCollectedMax, so that hostile
/// text cannot make it work for ever; parsing goes on, silently.
class Problems {
 public:
  static constexpr std::size_t kProblemsCollectedMax = 100;

  void add(Position at, std::string what, std::string hint = {});
  [[nodiscard]] bool is_empty() const { return problems_.empty(); }
  [[nodiscard]] std::size_t count() const { return problems_.size(); }
  /// Whether more would be dropped, so that there is no use in phrasing them.
  [[nodiscard]] bool is_full() const { return problems_.size() >= kProblemsCollectedMax; }
  /// Sorted by position, without repetitions, at most kProblemsMax.
  [[nodiscard]] std::vector<Problem> take() &&;

 private:
  std::vector<Problem> problems_;
};

}  // namespace reprieve::plan
