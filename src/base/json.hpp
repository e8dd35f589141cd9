#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace reprieve {

/// JSON whose members keep the order in which they were added: output reads as it was written.
using Json = nlohmann::ordered_json;

/// Nothing if `text` is no JSON document or nests deeper than 64 levels. Never throws. The result's
/// accessors throw on a type mismatch, so ask is_string() and the like first.
std::optional<Json> parse_json(std::string_view text);

/// Compact UTF-8 text. Strings that are no UTF-8 (file names may be any bytes) have each bad byte
/// replaced by U+FFFD; who needs the bytes adds a hexadecimal member beside.
std::string to_text(const Json& json);

}  // namespace reprieve
