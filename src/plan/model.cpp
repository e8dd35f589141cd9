#include "plan/model.hpp"

#include <array>
#include <charconv>

#include "base/format.hpp"
#include "plan/units.hpp"

namespace reprieve::plan {
namespace {

template <class T>
const T* find_named(const std::vector<T>& entries, std::string_view name) {
  for (const T& entry : entries)
    if (entry.name == name) return &entry;
  return nullptr;
}

bool is_integer(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return !text.empty() && error == std::errc{} && stopped == end;
}

struct ParamTypeRow {
  std::string_view name;
  std::string_view wanted;
};
// Indexed by ParamType.
constexpr std::array<ParamTypeRow, 7> kParamTypes = {{
    {"string", "text"},
    {"integer", "a whole number"},
    {"boolean", "true or false"},
    {"duration", "a duration such as 30s, 5m or 1d"},
    {"size", "a size such as 10MiB"},
    {"time", "a time such as 2026-11-20T03:00:00Z"},
    {"recovery-point", "latest, latest-verified, a time, before TIME, a name or an id"},
}};

bool is_value_of(ParamType type, std::string_view value) {
  switch (type) {
    case ParamType::kString:
      return true;
    case ParamType::kInteger:
      return is_integer(value);
    case ParamType::kBoolean:
      return value == "true" || value == "false";
    case ParamType::kDuration:
      return parse_duration(value).has_value();
    case ParamType::kSize:
      return parse_size(value).has_value();
    case ParamType::kTime:
      return parse_rfc3339(value).has_value();
    case ParamType::kRecoveryPoint:
      return static_cast<bool>(parse_point(value));
  }
  return false;
}

}  // namespace

const Step* Scenario::find_step(std::string_view id) const {
  for (const Step& step : steps)
    if (step.id == id) return &step;
  return nullptr;
}
const Param* Scenario::find_param(std::string_view param) const {
  return find_named(params, param);
}

const Secret* Plan::find_secret(std::string_view secret) const {
  return find_named(secrets, secret);
}
const Service* Plan::find_service(std::string_view service) const {
  return find_named(services, service);
}
const Source* Plan::find_source(std::string_view source) const {
  return find_named(sources, source);
}
const Storage* Plan::find_storage(std::string_view storage) const {
  return find_named(storages, storage);
}
std::vector<const Storage*> Plan::replicas_of(std::string_view storage) const {
  std::vector<const Storage*> replicas;
  for (const Storage& candidate : storages)
    if (candidate.replica_of && candidate.replica_of->text == storage)
      replicas.push_back(&candidate);
  return replicas;
}
const Check* Plan::find_check(std::string_view check) const {
  return find_named(checks, check);
}
const Person* Plan::find_person(std::string_view person) const {
  return find_named(people, person);
}
const Role* Plan::find_role(std::string_view role) const {
  return find_named(roles, role);
}
const Scenario* Plan::find_scenario(std::string_view scenario) const {
  return find_named(scenarios, scenario);
}

std::string_view name_of(ParamType type) {
  return kParamTypes[static_cast<std::size_t>(type)].name;
}

std::string_view name_of(Severity severity) {
  constexpr std::array<std::string_view, 4> kNames = {"low", "medium", "high", "critical"};
  return kNames[static_cast<std::size_t>(severity)];
}

std::string_view name_of(Proof proof) {
  constexpr std::array<std::string_view, 3> kNames = {"reach", "data", "restore"};
  return kNames[static_cast<std::size_t>(proof)];
}

Result<> check_param_value(const Param& param, std::string_view value) {
  if (is_value_of(param.type, value)) return kOk;
  const ParamTypeRow& row = kParamTypes[static_cast<std::size_t>(param.type)];
  return Error{
      ErrorKind::kInvalid,
      fmt::format("parameter {}: expected {}, found \"{}\"", param.name, row.wanted, value),
      fmt::format("Give the parameter {} a value of the type {}.", param.name, row.name)};
}

}  // namespace reprieve::plan
