#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/strong.hpp"

namespace reprieve::plan {

/// At most 36,500 days: longer ones are typing mistakes, and all sums of a few of them still fit.
inline constexpr Duration kDurationMax = std::chrono::hours{24} * 36'500;

/// "30s", "5m", "1h30m": whole numbers with the units w d h m s ms, largest first, each at most
/// once. Nothing if `text` is anything else or longer than kDurationMax.
std::optional<Duration> parse_duration(std::string_view text);

/// The shortest text that parse_duration() reads back as `duration`, cut to milliseconds. "0s".
std::string duration_text(Duration duration);

/// "10MiB": a whole number with one of B KiB MiB GiB TiB kB MB GB TB. Nothing if it is anything
/// else or does not fit into 63 bits.
std::optional<ByteCount> parse_size(std::string_view text);

}  // namespace reprieve::plan
