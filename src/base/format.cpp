#include "base/format.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace reprieve {

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 999.5 would print as 1000: the next unit then reads better.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  if (value < 9.995) return fmt::format("{:.2f} {}", value, kUnits[unit]);
  if (value < 99.95) return fmt::format("{:.1f} {}", value, kUnits[unit]);
  return fmt::format("{:.0f} {}", value, kUnits[unit]);
}

std::string format_duration(Duration duration) {
  const auto nanos = duration.count();
  // The most negative count has no positive counterpart; a nanosecond less does not show.
  if (nanos < 0) return "-" + format_duration(-std::max(duration, -Duration::max()));
  const auto millis = nanos / 1'000'000;
  if (millis < 1000) return fmt::format("{} ms", millis);
  const auto seconds = millis / 1000;
  // 59.95 s would print as 60.0 s: the next form then reads better.
  if (millis < 59'950) return fmt::format("{:.1f} s", static_cast<double>(millis) / 1000);
  if (seconds < 60) return "1m 00s";
  if (seconds < 3600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h {:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {:02}h", seconds / 86400, seconds / 3600 % 24);
}

std::string format_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string format_count(std::uint64_t count, std::string_view noun) {
  return format_count(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

}  // namespace reprieve
