#pragma once

#include <string_view>

namespace reprieve {

/// Whether all of `text`, a name or a path in raw bytes, matches; linear in the product of the
/// lengths, whatever the pattern. `*` and `?` do not match '/'; `[a-z]` and `[!a-z]` match one
/// byte;
/// `**` between slashes matches any number of directories, at the end everything below; `\` takes
/// the next byte literally.
bool matches_glob(std::string_view pattern, std::string_view text);

/// Whether each '[' is closed. One that is not matches itself, which is hardly what was meant.
bool is_valid_glob(std::string_view pattern);

}  // namespace reprieve
