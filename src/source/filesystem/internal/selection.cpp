#include "source/filesystem/internal/selection.hpp"

#include <algorithm>

#include "tree/path.hpp"

namespace reprieve::filesystem {
namespace {

std::vector<std::string> trimmed(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  out.reserve(paths.size());
  for (const std::string& path : paths)
    out.emplace_back(trimmed_path(path));
  return out;
}

/// Whether `path` is `above` or lies below it. Everything lies below the empty path.
bool is_below(std::string_view path, std::string_view above) {
  return above.empty() ||
         (path.starts_with(above) && (path.size() == above.size() || path[above.size()] == '/'));
}

}  // namespace

Selection::Selection(const std::vector<std::string>& only) : wanted_{trimmed(only)} {}

Selection::Verdict Selection::judge(std::string_view whole_path, std::string_view relative_path) {
  if (wanted_.empty()) return Verdict::kInside;
  Verdict verdict = Verdict::kOutside;
  for (const std::string& wanted : wanted_) {
    if (is_below(whole_path, wanted) || is_below(relative_path, wanted)) {
      const std::lock_guard lock{mutex_};
      found_.insert(wanted);
      return Verdict::kInside;
    }
    if (is_below(wanted, whole_path) || is_below(wanted, relative_path))
      verdict = Verdict::kOnTheWay;
  }
  return verdict;
}

std::vector<std::string> Selection::missing() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::string> out;
  std::ranges::copy_if(wanted_, std::back_inserter(out),
                       [&](const std::string& wanted) { return !found_.contains(wanted); });
  return out;
}

}  // namespace reprieve::filesystem
