#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace reprieve {

/// What a time of day without a zone, such as "2026-11-20 14:49", may mean on this machine: each
/// written as RFC 3339 with the name of its zone behind it in parentheses. Those of the machine's
/// own zone come first (two where its clocks were set back, none where they skipped it), then UTC.
/// Empty if `text` is no such time. Reads the environment's TZ.
std::vector<std::string> meanings_without_zone(std::string_view text);

/// For `text` that was to be a moment and is none: kInvalid, with what it may mean.
Error not_a_moment(std::string_view text);

}  // namespace reprieve
