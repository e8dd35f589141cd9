#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace reprieve::plan {

/// A place in the plan's text. Both count from 1; columns count characters, not bytes. Line 0 is no
/// place: what carries it was filled in as a default.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend constexpr auto operator<=>(Position, Position) = default;
};

/// A name that the plan wrote somewhere to mean something else in the plan.
struct Name {
  std::string text;
  Position at;
};

}  // namespace reprieve::plan
