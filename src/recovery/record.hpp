#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

/// What a run's journal holds. The members of each kind's body are listed in docs/adr/0005.
namespace reprieve::recovery {

enum class RecordKind : std::uint8_t {
  kRunStarted,    ///< What runs, why, for whom, with which plan.
  kResumed,       ///< Another orchestrator process took the run up.
  kStepStarted,   ///< A generation of a step begins: its acts, exact, and the values pinned for it.
  kIntent,        ///< An act is about to be applied: call, key, prior state.
  kOutcome,       ///< How an act ended.
  kStepEnded,     ///< How a generation of a step ended, with outputs.
  kStepSkipped,   ///< A condition or a person left the step out.
  kAsked,         ///< The run waits for a person from here on.
  kAnswer,        ///< What the person said.
  kApproval,      ///< A signed statement that was found good.
  kApprovalVoid,  ///< What was approved changed.
  kUndoStarted,   ///< A step is being taken back: the acts that do it.
  kUndone,        ///< It was.
  kNote,          ///< A person's remark.
  kRunFinished,   ///< The end of the run.
};

/// One line of a journal.
struct Record {
  RecordKind kind = RecordKind::kNote;
  Instant at;         ///< Wall clock.
  Duration uptime{};  ///< Monotonic clock; comparable between records of one boot only.
  std::string boot_id;
  Json body = Json::object();
};

/// "step-started".
std::string_view name_of(RecordKind kind);
std::optional<RecordKind> record_kind_of(std::string_view name);

/// As one line of JSON, without a line end.
std::string encode_record(const Record& record);
/// Errors: kCorrupt.
Result<Record> parse_record(std::string_view json);

/// Members of a body that nobody vouches for: what is absent or of another type reads as empty.
std::string text_of(const Json& body, std::string_view member);
std::int64_t integer_of(const Json& body, std::string_view member);
bool flag_of(const Json& body, std::string_view member);
Json object_of(const Json& body, std::string_view member);
std::vector<std::string> texts_of(const Json& body, std::string_view member);
std::optional<Instant> time_of(const Json& body, std::string_view member);

}  // namespace reprieve::recovery
