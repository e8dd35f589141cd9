#pragma once

#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reprieve {

using Duration = std::chrono::nanoseconds;

/// A moment of wall-clock time, UTC, in nanoseconds since 1970 (so from 1677 to 2262). File times,
/// which may lie outside, have their own type (tree/entry.hpp).
struct Instant {
  std::int64_t nanoseconds = 0;

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Duration operator-(Instant a, Instant b) {
    return Duration{a.nanoseconds - b.nanoseconds};
  }
  friend constexpr Instant operator+(Instant a, Duration d) {
    return Instant{a.nanoseconds + d.count()};
  }
};

/// RFC 3339 in UTC, to the second or with as many sub-second digits as are not zero (3, 6 or 9):
/// "2026-11-20T14:49:00.123Z".
std::string format_rfc3339(Instant instant);
/// Accepts `T` or a space between date and time, fractions of up to nine digits, and a zone `Z` or
/// `+hh[:mm]`. A missing zone is refused: a local time in a recovery is how data gets lost.
std::optional<Instant> parse_rfc3339(std::string_view text);

/// The only way a module learns the time. Passed in by constructor; `std::chrono::*_clock::now`
/// is banned outside base/ by the linter. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;               ///< Wall clock, UTC. May step back.
  virtual Duration uptime() = 0;           ///< Monotonic. For timeouts and measuring only.
  virtual void sleep_for(Duration d) = 0;  ///< Simulated clocks just advance.
};

/// The machine's clock.
Clock& system_clock();

/// A clock that stands still until told to move. For tests. Thread-safe, as every Clock is.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Instant start) : nanoseconds_{start.nanoseconds} {}
  Instant now() override { return Instant{nanoseconds_.load()}; }
  Duration uptime() override { return Duration{nanoseconds_.load()}; }
  void sleep_for(Duration d) override { nanoseconds_ += d.count(); }

 private:
  std::atomic<std::int64_t> nanoseconds_;
};

}  // namespace reprieve
