#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

/// A step is carried out as a list of acts. An act is the smallest thing that is journaled: one
/// command, one service, one path. Its arguments are plain data that the journal keeps, so that a
/// resumed run does what was planned and not what would be planned now.
namespace reprieve::recovery {

enum class ActKind : std::uint8_t {
  kCommand,       ///< A child with an end: `run`, restores, undo commands.
  kServiceStop,   ///< Brings a service to a stand.
  kServiceStart,  ///< Brings a service up.
  kChecks,        ///< Waits until checks are green, or runs them to their end.
  kMove,          ///< Puts a restored path in its place, and what was there aside.
  kApprove,       ///< Waits for signed statements of persons.
};

struct Act {
  ActKind kind = ActKind::kCommand;
  std::string title;  ///< "stop app".
  std::string call;   ///< Exactly what will be done, for people. No secret in it.
  Json args = Json::object();
  /// Whether it may be applied again when nobody knows whether it was applied.
  bool is_idempotent = true;
};

std::string_view name_of(ActKind kind);
Json to_json(const Act& act);
/// Errors: kCorrupt.
Result<Act> act_of(const Json& json);
Json to_json(const std::vector<Act>& acts);
/// Errors: kCorrupt; kExhausted above 10,000 acts.
Result<std::vector<Act>> acts_of(const Json& json);

}  // namespace reprieve::recovery
