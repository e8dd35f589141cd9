#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace reprieve {

/// "812 B", "3.5 MiB": three significant digits, binary units.
std::string format_size(std::uint64_t bytes);
/// "812 ms", "4.2 s", "3m 12s", "5h 02m", "3d 04h".
std::string format_duration(Duration duration);
/// "172,949".
std::string format_count(std::uint64_t count);
/// "1 file", "172,949 files": for nouns that take an s.
std::string format_count(std::uint64_t count, std::string_view noun);

}  // namespace reprieve
