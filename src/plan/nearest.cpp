#include "plan/nearest.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/format.hpp"

namespace reprieve::plan {
namespace {

constexpr std::size_t kComparedMax = 64;  // Longer texts are no misspelt names.
constexpr std::size_t kListedMax = 12;

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  if (a.size() > kComparedMax || b.size() > kComparedMax) return kComparedMax;
  using Row = std::array<std::size_t, kComparedMax + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool is_same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (is_same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

std::optional<std::string_view> nearest(std::string_view name,
                                        const std::vector<std::string_view>& candidates) {
  // A third of the letters may be wrong: "restor" is "restore", but "web" is not "db".
  const std::size_t allowed = std::max<std::size_t>(1, name.size() / 3);
  std::size_t best_distance = allowed + 1;
  std::optional<std::string_view> best;
  for (const std::string_view candidate : candidates) {
    const std::size_t longer = std::max(candidate.size(), name.size());
    if (longer - std::min(candidate.size(), name.size()) >= best_distance) continue;
    const std::size_t distance = edit_distance(name, candidate);
    if (distance >= best_distance || distance >= longer) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string_view>& candidates) {
  if (const auto best = nearest(name, candidates))
    return fmt::format("Did you mean \"{}\"?", *best);
  if (candidates.empty()) return {};
  const std::size_t listed = std::min(candidates.size(), kListedMax);
  const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(listed);
  std::string text = "Known: ";
  for (auto at = candidates.begin(); at != end; ++at)
    text += (at == candidates.begin() ? "" : ", ") + std::string{*at};
  return text + (listed < candidates.size() ? ", ..." : ".");
}

}  // namespace reprieve::plan
