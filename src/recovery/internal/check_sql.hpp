#pragma once

#include <optional>
#include <string>

#include "recovery/check.hpp"

namespace reprieve::recovery {

/// The first column of the first row, as text; nothing for null or for no row. Errors: kTransient
/// with the server's words; kInvalid if the plan's names lead nowhere; the secret's.
Result<std::optional<std::string>> query_first_value(const CheckEnvironment& environment,
                                                     const plan::SqlCheck& sql, Duration timeout);

}  // namespace reprieve::recovery
