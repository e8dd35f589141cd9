#include <algorithm>
#include <bit>

#include "repository/internal/merged_index.hpp"

namespace reprieve::repository {
namespace {

/// So many units of one size are merged: few look-ups against few rewrites.
constexpr std::size_t kUnitsPerMerge = 8;
constexpr int kSizeClassBits = 3;  // Sizes of one class differ by a factor of eight at most.
constexpr int kSmallestClassBits = 16;
/// What an index may have, less what a merge could add to it.
constexpr std::uint64_t kMergedBytesMax = 1000 * 1024 * 1024;
constexpr std::uint64_t kMergedKeysMax = 60'000;

struct Group {
  std::vector<std::size_t> units;
  std::uint64_t bytes = 0;
  std::uint64_t keys = 0;

  [[nodiscard]] int size_class() const {
    const int bits = static_cast<int>(std::bit_width(bytes));
    return std::max(0, bits - kSmallestClassBits) / kSizeClassBits;
  }
  [[nodiscard]] bool has_room_for(const Group& other) const {
    return bytes + other.bytes <= kMergedBytesMax && keys + other.keys <= kMergedKeysMax;
  }
  void take(const Group& other) {
    units.insert(units.end(), other.units.begin(), other.units.end());
    bytes += other.bytes;
    keys += other.keys;
  }
};

/// Puts groups together in their order, each into the last one if it has room.
std::vector<Group> joined(std::span<const Group> groups) {
  std::vector<Group> out;
  for (const Group& group : groups) {
    if (out.empty() || !out.back().has_room_for(group)) out.emplace_back();
    out.back().take(group);
  }
  return out;
}

}  // namespace

std::vector<std::vector<std::size_t>> plan_merges(std::span<const UnitSize> units) {
  std::vector<Group> groups;
  for (std::size_t i = 0; i < units.size(); ++i)
    groups.push_back({{i}, units[i].bytes, units[i].keys});
  // What a class becomes may fill the next one.
  const int classes = (std::bit_width(kMergedBytesMax) - kSmallestClassBits) / kSizeClassBits + 1;
  for (int number = 0; number < classes; ++number) {
    const auto rest = std::ranges::stable_partition(
        groups, [&](const Group& group) { return group.size_class() != number; });
    if (rest.size() < kUnitsPerMerge) continue;
    std::ranges::stable_sort(rest, {}, &Group::bytes);
    const std::vector<Group> merged = joined({rest.begin(), rest.end()});
    groups.erase(rest.begin(), rest.end());
    groups.insert(groups.end(), merged.begin(), merged.end());
  }
  std::vector<std::vector<std::size_t>> plan;
  for (Group& group : groups)
    if (group.units.size() > 1 || units[group.units.front()].is_worn)
      plan.push_back(std::move(group.units));
  return plan;
}

}  // namespace reprieve::repository
