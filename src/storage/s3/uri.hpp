#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reprieve::s3 {

/// Names and values of a query, not encoded, in any order.
using Parameters = std::vector<std::pair<std::string, std::string>>;

enum class Slash : std::uint8_t { kKept, kEncoded };

/// Percent-encoding as AWS signs it: all bytes but the unreserved ones of RFC 3986 become %XX in
/// upper case; a path keeps its slashes.
std::string uri_encode(std::string_view text, Slash slash);
/// Nothing if a '%' is not followed by two hexadecimal digits. A '+' stays a '+'.
std::optional<std::string> uri_decode(std::string_view text);
/// Encoded, sorted, joined: what is signed, and also what is sent, so that the two cannot differ.
std::string canonical_query(const Parameters& query);

}  // namespace reprieve::s3
