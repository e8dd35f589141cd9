#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

/// Times as servers write them: microseconds since 2000-01-01 UTC (TimestampTz of the sources).
namespace reprieve {

inline constexpr std::int64_t kPostgresEpochUs = 946'684'800'000'000;

/// Hostile times saturate.
inline Instant instant_of_postgres(std::int64_t us) {
  constexpr std::int64_t kUsMax = INT64_MAX / 1000 - kPostgresEpochUs;
  return Instant{(std::clamp(us, -kUsMax, kUsMax) + kPostgresEpochUs) * 1000};
}

inline std::int64_t postgres_time_of(Instant instant) {
  return instant.nanoseconds / 1000 - kPostgresEpochUs;
}

}  // namespace reprieve
