#include "recovery/record.hpp"

#include <array>
#include <utility>

namespace reprieve::recovery {
namespace {

constexpr std::array<std::string_view, 15> kNames = {
    "run-started",   "resumed",      "step-started", "intent", "outcome",
    "step-ended",    "skipped",      "asked",        "answer", "approval",
    "approval-void", "undo-started", "undone",       "note",   "run-finished"};

const Json* find(const Json& body, std::string_view member) {
  if (!body.is_object()) return nullptr;
  const auto it = body.find(member);
  return it == body.end() ? nullptr : &*it;
}

}  // namespace

std::string_view name_of(RecordKind kind) {
  return kNames.at(static_cast<std::size_t>(kind));
}

std::optional<RecordKind> record_kind_of(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames.at(i) == name) return static_cast<RecordKind>(i);
  return std::nullopt;
}

std::string encode_record(const Record& record) {
  Json json = Json::object();
  json["kind"] = name_of(record.kind);
  json["at"] = format_rfc3339(record.at);
  json["uptime_ns"] = record.uptime.count();
  json["boot"] = record.boot_id;
  json["body"] = record.body;
  return to_text(json);
}

Result<Record> parse_record(std::string_view text) {
  const auto json = parse_json(text);
  if (!json || !json->is_object())
    return Error{ErrorKind::kCorrupt, "a journal record is no JSON object"};
  const auto kind = record_kind_of(text_of(*json, "kind"));
  const auto at = time_of(*json, "at");
  if (!kind || !at)
    return Error{ErrorKind::kCorrupt, "a journal record has no known kind or no time",
                 "Use the version of reprieve that wrote this journal, or a newer one."};
  return Record{.kind = *kind,
                .at = *at,
                .uptime = Duration{integer_of(*json, "uptime_ns")},
                .boot_id = text_of(*json, "boot"),
                .body = object_of(*json, "body")};
}

std::string text_of(const Json& body, std::string_view member) {
  const Json* value = find(body, member);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string{};
}

std::int64_t integer_of(const Json& body, std::string_view member) {
  const Json* value = find(body, member);
  return value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : 0;
}

bool flag_of(const Json& body, std::string_view member) {
  const Json* value = find(body, member);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

Json object_of(const Json& body, std::string_view member) {
  const Json* value = find(body, member);
  return value != nullptr && value->is_object() ? *value : Json::object();
}

std::vector<std::string> texts_of(const Json& body, std::string_view member) {
  std::vector<std::string> texts;
  const Json* value = find(body, member);
  if (value == nullptr || !value->is_array()) return texts;
  for (const Json& item : *value)
    if (item.is_string()) texts.push_back(item.get<std::string>());
  return texts;
}

std::optional<Instant> time_of(const Json& body, std::string_view member) {
  return parse_rfc3339(text_of(body, member));
}

}  // namespace reprieve::recovery
