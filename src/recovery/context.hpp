#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "crypto/secret.hpp"
#include "plan/model.hpp"
#include "recovery/host.hpp"
#include "recovery/run_state.hpp"

/// What a run needs from outside. The application fills it in; tests fill in fakes.
namespace reprieve::recovery {

struct PointRequest {
  std::string source = {};  ///< Of the plan.
  std::string point = {};   ///< As plan::parse_point() reads it; empty only with `to_time`.
  std::optional<Instant> to_time = {};  ///< Databases: replay up to then.
  bool is_to_latest = false;            ///< Databases: replay all there is.
};

/// A recovery point that was chosen. It is pinned in the journal and never chosen again.
struct ResolvedPoint {
  std::string id = {};
  Instant time;  ///< Time of its data: nothing written after it is in the point.
  std::uint64_t size_bytes = 0;
  std::string verified = {};  ///< How and when it was proven to restore; empty: never.
  std::string end_lsn = {};   ///< Databases; may be empty.
};

class PointResolver {
 public:
  virtual ~PointResolver() = default;
  /// Errors: kNotFound if no point fits; kDenied, kTransient of the repository.
  virtual Result<ResolvedPoint> resolve(const PointRequest& request) = 0;
};

struct RestoreRequest {
  std::string source = {};
  std::string point_id = {};
  std::string path = {};  ///< Which of the source's paths, absolute; of a database: empty.
  std::string into = {};  ///< Afterwards holds what `path`, or the data directory, held.
  std::optional<Instant> to_time = {};
  bool is_to_latest = false;  ///< Databases: with all the log that goes on from the point.
};

struct RestoredCheckRequest {
  std::vector<std::string> checks;
  std::string source;  ///< Whose restored data the checks look at, instead of the live ones.
  std::string target;  ///< Where they are.
};

/// Makes the command lines that restore, and that check what was restored before it goes live:
/// `reprieve restore ... --json` and `reprieve check --against ...` with the repository and the
/// plan to use. Secrets only by reference.
class RestoreCommands {
 public:
  virtual ~RestoreCommands() = default;
  virtual Result<HostCommand> restore(const RestoreRequest& request) = 0;
  virtual Result<HostCommand> check(const RestoredCheckRequest& request) = 0;
};

struct CheckResult {
  enum class Verdict : std::uint8_t {
    kOk,
    kFailed,  ///< It was measured, and is not as it should be.
    kError,   ///< It could not be measured.
  };
  std::string check;
  Verdict verdict = Verdict::kError;
  std::string measured;  ///< "200 in 31 ms", "rows = 1042".
  std::string text;      ///< Why it is not ok; empty if it is.
  Duration took{};
  Instant at;
};

std::string_view name_of(CheckResult::Verdict verdict);

/// Runs single tries of the plan's checks without blocking the caller.
class CheckRunner {
 public:
  virtual ~CheckRunner() = default;
  /// Starts one try; returns its ticket. Errors: kNotFound if the plan has no such check.
  virtual Result<std::uint64_t> start(const std::string& check) = 0;
  /// The result, once, when it is there.
  virtual std::optional<CheckResult> poll(std::uint64_t ticket) = 0;
};

/// Called by the executor, in its thread, as things happen. All calls are quick.
class RunListener {
 public:
  virtual ~RunListener() = default;
  /// A record was made durable; `state` includes it.
  virtual void on_record(const RunState& /*state*/, const Record& /*record*/) {}
  /// About four times a second while something is under way.
  virtual void on_progress(const RunState& /*state*/, const std::string& /*step*/,
                           const std::string& /*act*/, const std::string& /*last_line*/) {}
};

struct Context {
  const plan::Plan& plan;
  std::string plan_dir;   ///< Absolute; relative paths of the plan are meant from here.
  std::string state_dir;  ///< Absolute; runs/ and services/ are below it.
  Host& host;
  Clock& clock;
  RandomSource& random;
  PointResolver& points;
  RestoreCommands& restores;
  CheckRunner& checks;
  RunListener& listener;
  std::string boot_id;
};

}  // namespace reprieve::recovery
