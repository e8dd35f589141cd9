#include "base/local_time.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#include "base/clock.hpp"

namespace reprieve {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

/// The text with its seconds, as parse_rfc3339() would have it before the zone.
std::optional<std::string> whole_time(std::string_view text) {
  for (const std::string_view seconds : {"", ":00"}) {
    const std::string whole = std::string{text} + std::string{seconds};
    if (parse_rfc3339(whole + "Z")) return whole;
  }
  return std::nullopt;
}

bool is_same_wall_clock(const std::tm& a, const std::tm& b) {
  return a.tm_year == b.tm_year && a.tm_mon == b.tm_mon && a.tm_mday == b.tm_mday &&
         a.tm_hour == b.tm_hour && a.tm_min == b.tm_min && a.tm_sec == b.tm_sec;
}

std::string offset_text(long seconds_east) {
  const long minutes = std::abs(seconds_east) / 60;
  return fmt::format("{}{:02}:{:02}", seconds_east < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace

std::vector<std::string> meanings_without_zone(std::string_view text) {
  auto whole = whole_time(text);
  if (!whole) return {};
  std::ranges::replace(*whole, ' ', 'T');
  const std::time_t as_utc = parse_rfc3339(*whole + "Z")->nanoseconds / kNanosPerSecond;
  std::tm wall{};
  ::gmtime_r(&as_utc, &wall);
  std::vector<std::string> meanings;
  for (const int is_summer : {1, 0}) {
    std::tm asked = wall;
    asked.tm_isdst = is_summer;
    const std::time_t moment = ::mktime(&asked);
    std::tm local{};
    ::localtime_r(&moment, &local);
    if (!is_same_wall_clock(local, wall) || local.tm_gmtoff == 0) continue;
    std::string meaning = fmt::format("{}{} ({})", *whole, offset_text(local.tm_gmtoff),
                                      local.tm_zone == nullptr ? "local" : local.tm_zone);
    if (std::ranges::find(meanings, meaning) == meanings.end())
      meanings.push_back(std::move(meaning));
  }
  meanings.push_back(*whole + "Z (UTC)");
  return meanings;
}

Error not_a_moment(std::string_view text) {
  const auto meanings = meanings_without_zone(text);
  if (meanings.empty())
    return Error{ErrorKind::kInvalid, fmt::format("{} is no time", text),
                 "Write it as 2026-11-20T14:49:00Z."};
  return Error{ErrorKind::kInvalid, fmt::format("{} is no time with a zone", text),
               fmt::format("Write {}.", fmt::join(meanings, ", or "))};
}

}  // namespace reprieve
