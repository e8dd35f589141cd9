#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprieve::plan {

/// How many characters must be inserted, dropped, replaced or swapped with their neighbour to turn
/// one text into the other. Letters of either case are equal.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that `name` was most likely meant to be; nothing if none is close.
std::optional<std::string_view> nearest(std::string_view name,
                                        const std::vector<std::string_view>& candidates);

/// `Did you mean "db"?`, or else `Known: db, web.`, or else nothing.
std::string suggestion(std::string_view name, const std::vector<std::string_view>& candidates);

/// The names of a plan's entries (sources, checks, scenarios ...), as candidates.
template <class Entry>
std::vector<std::string_view> names_of(const std::vector<Entry>& entries) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const Entry& entry : entries)
    names.push_back(entry.name);
  return names;
}

}  // namespace reprieve::plan
