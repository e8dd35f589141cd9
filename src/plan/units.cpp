#include "plan/units.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace reprieve::plan {
namespace {

struct TimeUnit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::array<TimeUnit, 6> kTimeUnits = {{
    {"w", 7 * 86'400 * kSecond},
    {"d", 86'400 * kSecond},
    {"h", 3'600 * kSecond},
    {"m", 60 * kSecond},
    {"s", kSecond},
    {"ms", kSecond / 1000},
}};

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 9> kSizeUnits = {{
    {"B", 1},
    {"KiB", 1ULL << 10},
    {"MiB", 1ULL << 20},
    {"GiB", 1ULL << 30},
    {"TiB", 1ULL << 40},
    {"kB", 1'000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
    {"TB", 1'000'000'000'000},
}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes a whole number off the front of `rest`.
std::optional<std::int64_t> take_number(std::string_view& rest) {
  std::size_t length = 0;
  while (length < rest.size() && is_digit(rest[length]))
    ++length;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + length, number);
  if (length == 0 || error != std::errc{} || end != rest.data() + length) return std::nullopt;
  rest.remove_prefix(length);
  return number;
}

std::string_view take_letters(std::string_view& rest) {
  std::size_t length = 0;
  while (length < rest.size() && !is_digit(rest[length]))
    ++length;
  const std::string_view letters = rest.substr(0, length);
  rest.remove_prefix(length);
  return letters;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t total = 0;
  auto unit = kTimeUnits.begin();
  do {
    const auto number = take_number(text);
    const std::string_view name = take_letters(text);
    while (unit != kTimeUnits.end() && unit->name != name)
      ++unit;
    if (!number || unit == kTimeUnits.end()) return std::nullopt;
    if (*number > (kDurationMax.count() - total) / unit->nanoseconds) return std::nullopt;
    total += *number * unit->nanoseconds;
    ++unit;  // The next one must be smaller.
  } while (!text.empty());
  return Duration{total};
}

std::string duration_text(Duration duration) {
  std::int64_t rest = duration.count();
  std::string text = rest < 0 ? "-" : "";
  if (rest < 0) rest = -rest;
  for (const TimeUnit& unit : kTimeUnits) {
    // Weeks only where nothing is left over: "15d" reads better than "2w1d".
    if (unit.name == "w" && (rest % unit.nanoseconds != 0 || rest == 0)) continue;
    if (const std::int64_t count = rest / unit.nanoseconds; count > 0) {
      text += std::to_string(count);
      text += unit.name;
    }
    rest %= unit.nanoseconds;
  }
  return text.empty() || text == "-" ? "0s" : text;
}

std::optional<ByteCount> parse_size(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  for (const SizeUnit& unit : kSizeUnits) {
    if (unit.name != text) continue;
    const auto count = static_cast<std::uint64_t>(*number);
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (count > kMax / unit.bytes) return std::nullopt;
    return ByteCount{count * unit.bytes};
  }
  return std::nullopt;
}

}  // namespace reprieve::plan
