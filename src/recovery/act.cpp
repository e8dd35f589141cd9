#include "recovery/act.hpp"

#include <array>
#include <utility>

#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"command", "service-stop", "service-start",
                                                    "checks",  "move",         "approve"};
constexpr std::size_t kActsMax = 10'000;

}  // namespace

std::string_view name_of(ActKind kind) {
  return kNames.at(static_cast<std::size_t>(kind));
}

Json to_json(const Act& act) {
  return Json{{"kind", name_of(act.kind)},
              {"title", act.title},
              {"call", act.call},
              {"idempotent", act.is_idempotent},
              {"args", act.args}};
}

Result<Act> act_of(const Json& json) {
  const std::string kind = text_of(json, "kind");
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames.at(i) == kind)
      return Act{.kind = static_cast<ActKind>(i),
                 .title = text_of(json, "title"),
                 .call = text_of(json, "call"),
                 .args = object_of(json, "args"),
                 .is_idempotent = flag_of(json, "idempotent")};
  return Error{ErrorKind::kCorrupt, "a journal names an act of an unknown kind"};
}

Json to_json(const std::vector<Act>& acts) {
  Json json = Json::array();
  for (const Act& act : acts)
    json.push_back(to_json(act));
  return json;
}

Result<std::vector<Act>> acts_of(const Json& json) {
  std::vector<Act> acts;
  if (!json.is_array()) return Error{ErrorKind::kCorrupt, "a journal has no list of acts"};
  if (json.size() > kActsMax) return Error{ErrorKind::kExhausted, "a step has too many acts"};
  for (const Json& item : json) {
    REPRIEVE_TRY(auto act, act_of(item));
    acts.push_back(std::move(act));
  }
  return acts;
}

}  // namespace reprieve::recovery
