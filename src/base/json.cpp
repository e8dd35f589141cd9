#include "base/json.hpp"

namespace reprieve {

std::optional<Json> parse_json(std::string_view text) {
  // The parser takes a zero byte for the end of its input, and would leave unread what follows.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  constexpr int kDepthMax = 64;
  bool is_too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json&) {
    // `depth` counts the levels around what starts here.
    const bool is_start =
        event == Json::parse_event_t::array_start || event == Json::parse_event_t::object_start;
    if (is_start && depth >= kDepthMax) is_too_deep = true;
    return !is_too_deep;
  };
  Json parsed = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (parsed.is_discarded() || is_too_deep) return std::nullopt;
  return parsed;
}

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace reprieve
