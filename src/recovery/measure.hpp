#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "plan/model.hpp"
#include "recovery/run_state.hpp"

/// What a run achieved, against what was promised. Pure.
namespace reprieve::recovery {

enum class Verdict : std::uint8_t {
  kMet,
  kMissed,
  kUnknown,  ///< The value is not known, or not yet.
  kNone,     ///< Nothing was promised.
};

std::string_view name_of(Verdict verdict);

/// Where the recovery clock began.
struct ClockStart {
  enum class From : std::uint8_t { kDisaster, kFirstFailedCheck, kDeclaration };
  From from = From::kDeclaration;
  Instant at;
};

struct RecoveryTime {
  ClockStart start;
  Instant declared;
  std::optional<Instant> ended;   ///< When the final checks were green, or the last step done.
  bool was_checked = false;       ///< The end is one of green checks, not only of steps.
  std::optional<Duration> total;  ///< From start to end.
  Duration before_declaration{};  ///< Of the total: until somebody acted.
  Duration human{};               ///< Of the total: nothing ran, and people were waited for.
  std::optional<Duration> machine;
};

struct DataLoss {
  std::string source;
  std::string point;
  std::optional<Instant> recovered_to;  ///< Nothing after this moment came back.
  std::optional<Instant> last_known;  ///< The last moment that the source is known to have reached.
  std::optional<Duration> lost;       ///< Their distance; zero if nothing is lost.
  std::optional<std::uint64_t> lost_writes;   ///< Acknowledged ones after recovered_to.
  std::optional<std::uint64_t> known_writes;  ///< All acknowledged ones that the witness knows.
  /// If `lost` is not known: it is not more than this (from the point to the disaster).
  std::optional<Duration> bound;
  std::optional<Duration> objective;  ///< The tightest of the scenario and the services.
  Verdict verdict = Verdict::kNone;
};

struct ServiceTime {
  std::string service;
  std::optional<Duration> took;  ///< From the clock's start until it was up and healthy.
  std::optional<Duration> objective;
  Verdict verdict = Verdict::kNone;
};

struct Measures {
  RecoveryTime time;
  std::optional<Duration> objective;  ///< The scenario's rto.
  Verdict verdict = Verdict::kNone;
  std::vector<DataLoss> losses;       ///< One per restored source, in the scenario's order.
  std::vector<ServiceTime> services;  ///< Those that the scenario started.
};

/// `witnesses`: per source, lines that begin with an RFC 3339 time: a write that a client was told
/// is safe. Other lines are passed over.
Measures measure(const plan::Plan& plan, const RunState& state,
                 const std::map<std::string, std::string>& witnesses);

/// The time in which steps ran, and the rest of it in which the run only waited for people.
Duration human_waiting(const RunState& state, Instant from, Instant to);

}  // namespace reprieve::recovery
