#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "plan/expression.hpp"
#include "plan/position.hpp"

/// The steps of a scenario, typed. All defaults are filled in and all names are known to exist
/// when a Plan was accepted (plan/parse.hpp).
namespace reprieve::plan {

/// In the order of the alternatives of Step::action.
enum class StepType : std::uint8_t {
  kStop,
  kStart,
  kFilesRestore,
  kDbRestore,
  kSwitch,
  kCheck,
  kRun,
  kApprove,
};
inline constexpr std::size_t kStepTypeCount = 8;

/// What a step may do to the world.
enum class StepClass : std::uint8_t {
  kRead,         ///< Nothing.
  kChange,       ///< What its undo takes back.
  kDestructive,  ///< It may overwrite or delete; a failure asks a person.
  kHuman,        ///< Waits for a person.
};

/// In which order the services of one step are handled.
enum class ServiceOrder : std::uint8_t {
  kNeeds,   ///< Start: what is needed first. Stop: the reverse.
  kListed,  ///< As the plan lists them; a stop too.
};

/// When a started service counts as started.
enum class Gate : std::uint8_t {
  kHealth,  ///< When its health checks are green. One without checks: when it runs.
  kNone,    ///< When the start itself returned.
};

struct StopStep {
  std::vector<Name> services;
  ServiceOrder order = ServiceOrder::kNeeds;
};

struct StartStep {
  std::vector<Name> services;
  ServiceOrder order = ServiceOrder::kNeeds;
  Gate gate = Gate::kHealth;
};

/// Where a restore puts what it restores.
enum class RestorePlace : std::uint8_t {
  kSideBySide,  ///< Beside the live data, under a name of the run; a `switch` step swaps them.
  kPath,        ///< Into `path`, which for a recovery onto a bare host is the source's own place.
};

struct FilesRestoreStep {
  Name source;
  /// Which recovery point: see PointExpression. Rendered first, then parse_point() reads it.
  Template point;
  RestorePlace place = RestorePlace::kSideBySide;
  Template path;  ///< Absolute once rendered; empty unless place is kPath.
};

struct DbRestoreStep {
  Name source;
  Template point;  ///< Empty if `to_time` is given.
  Template
      to_time;  ///< RFC 3339 once rendered: replay up to then. Empty: as far as the point goes.
  RestorePlace place = RestorePlace::kSideBySide;
  Template path;  ///< The data directory; empty unless place is kPath.
};

struct SwitchStep {
  std::vector<Name> of;  ///< Restore steps that restored side by side.
  /// How long what was replaced is kept. Nothing: until a person removes it.
  std::optional<Duration> keep_old;
};

struct CheckStep {
  std::vector<Name> checks;
  /// The step whose restored data the checks look at (`against: "{restore.target}"`), instead of
  /// the live ones: the sql checks of that step's source.
  std::optional<Reference> against;
};

enum class Idempotency : std::uint8_t {
  kYes,    ///< May be run again after an unknown outcome.
  kNo,     ///< An unknown outcome asks a person.
  kProbe,  ///< `probe` says: exit 0 means that the wanted state is there already.
};

struct RunStep {
  std::vector<Template> argv;           ///< Executed as it is; never a shell.
  std::map<std::string, Template> env;  ///< Added to the orchestrator's environment.
  Template cwd;                         ///< Empty: the folder of the plan.
  Idempotency idempotent = Idempotency::kNo;
  std::vector<Template> probe;  ///< Empty unless idempotent is kProbe.
};

enum class OnTimeout : std::uint8_t {
  kDeny,     ///< As if it had been rejected.
  kProceed,  ///< As if it had been approved; refused by the parser above anything destructive.
};

struct ApproveStep {
  std::vector<Name> by;  ///< Roles. Each approver is a person in one of them, with a key.
  std::uint32_t quorum = 1;
  bool is_requester_excluded = false;
  /// Steps whose outputs the approval covers: it is void once one of them changes.
  std::vector<Name> binds;
  Template text;  ///< What is asked.
  OnTimeout on_timeout = OnTimeout::kDeny;
};

enum class OnFail : std::uint8_t { kStop, kAsk, kContinue, kRollback };

struct Retry {
  std::uint32_t times = 0;  ///< Beyond the first try.
  Duration delay{};         ///< Before each of them.
};

/// How a finished step is taken back.
enum class UndoKind : std::uint8_t {
  kNone,       ///< Not at all.
  kAutomatic,  ///< From the prior state that the step recorded.
  kArgv,       ///< By running Step::undo_argv.
};

struct Step {
  std::string id;
  Position at;
  /// Ids of the steps that must have ended first: explicit, even where the plan relied on the order
  /// by default. Only steps of the same scenario, no cycle, no repetition.
  std::vector<Name> needs;
  std::optional<Condition> when;  ///< False: the step is skipped.
  Duration timeout{};             ///< Hard limit of one try. Always above zero.
  std::optional<Duration> stall;  ///< Longest time without progress.
  Retry retry;
  OnFail on_fail = OnFail::kStop;
  UndoKind undo = UndoKind::kNone;
  std::vector<Template> undo_argv;
  std::optional<Duration> estimate;  ///< The author's guess, until runs were measured.
  std::string owner;                 ///< Who answers for the step; may be empty.
  StepClass step_class = StepClass::kRead;
  /// Whether a step that starts services may have run before this one ends: an undo would then
  /// lose what they wrote, so it is never automatic.
  bool may_follow_start = false;

  std::variant<StopStep, StartStep, FilesRestoreStep, DbRestoreStep, SwitchStep, CheckStep, RunStep,
               ApproveStep>
      action;

  [[nodiscard]] StepType type() const { return static_cast<StepType>(action.index()); }
};

/// "db.restore".
std::string_view name_of(StepType type);
/// Nothing if `name` is no step type of this version.
std::optional<StepType> step_type_of(std::string_view name);
std::string_view name_of(StepClass step_class);
std::string_view name_of(OnFail on_fail);

/// The fields that `{STEP.field}` may name, beside those of every step (kCommonOutputs).
///   files.restore  target (where the restored files are), point (id), point_time, bytes
///   db.restore     target (the data directory), point (id), point_time, recovered_to, bytes
///   switch         old (where what was replaced is kept)
///   check          passed, failed (counts)
///   run            exit, stdout (its first 4 KiB, without the last line end)
///   approve        by (names, separated by commas)
std::span<const std::string_view> outputs_of(StepType type);
/// state ("done", "skipped", "failed"), started, ended (RFC 3339).
inline constexpr std::array<std::string_view, 3> kCommonOutputs = {"state", "started", "ended"};
/// id, scenario, date ("2026-11-20").
inline constexpr std::array<std::string_view, 3> kRunFields = {"id", "scenario", "date"};

/// A recovery point as a person names it.
struct PointExpression {
  enum class Kind : std::uint8_t {
    kLatest,          ///< `latest`.
    kLatestVerified,  ///< `latest-verified`: the newest that was proven to restore.
    kBefore,          ///< `before TIME`: the newest taken strictly before `time`.
    kTime,            ///< TIME: the newest taken at or before `time`.
    kNamed,           ///< A name, or an unambiguous prefix of an id.
  };
  Kind kind = Kind::kLatest;
  Instant time;
  std::string name;
};

/// Errors: kInvalid.
Result<PointExpression> parse_point(std::string_view text);

}  // namespace reprieve::plan
