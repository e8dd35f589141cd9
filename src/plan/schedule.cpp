#include "plan/schedule.hpp"

#include <algorithm>

namespace reprieve::plan {
namespace {

constexpr Duration kFirstRetry = std::chrono::minutes{1};
constexpr Duration kLongestRetry = std::chrono::minutes{30};
constexpr Duration kDay = std::chrono::hours{24};

/// The first such minute of a day after `time`.
Instant next_daily(std::uint32_t minute_of_day, Instant time) {
  const std::int64_t day = kDay.count();
  const std::int64_t minute = Duration{std::chrono::minutes{minute_of_day}}.count();
  const std::int64_t midnight = time.nanoseconds - ((time.nanoseconds % day) + day) % day;
  const Instant today{midnight + minute};
  return today > time ? today : today + kDay;
}

Duration retry_pause(std::uint32_t failures) {
  Duration pause = kFirstRetry;
  for (std::uint32_t i = 1; i < failures && pause < kLongestRetry; ++i)
    pause *= 2;
  return std::min(pause, kLongestRetry);
}

}  // namespace

Instant next_backup(const Schedule& schedule, const BackupMemory& memory, Instant now) {
  Instant due = now;
  if (memory.begun) {
    const Instant begun = std::min(*memory.begun, now);
    if (const auto* every = std::get_if<EverySchedule>(&schedule))
      due = begun + every->interval;
    else if (const auto* daily = std::get_if<DailySchedule>(&schedule))
      due = next_daily(daily->minute_of_day, begun);
  }
  if (memory.failures == 0 || !memory.ended) return due;
  return std::max(due, std::min(*memory.ended, now) + retry_pause(memory.failures));
}

}  // namespace reprieve::plan
