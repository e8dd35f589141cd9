#pragma once

#include <string>

#include "base/result.hpp"
#include "cli/console.hpp"
#include "recovery/recovery.hpp"

namespace reprieve::cli {

/// Prints how a run stands or ended: the report's text, what waits for a person, and what to do
/// next. Returns the exit code.
Result<int> tell_end(const Console& console, const std::string& state_dir,
                     const recovery::RunEnd& end);

}  // namespace reprieve::cli
