#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/json.hpp"
#include "base/result.hpp"
#include "recovery/act.hpp"
#include "recovery/context.hpp"
#include "recovery/host.hpp"
#include "recovery/run_state.hpp"

/// An act in the hands of the executor. The calls come in this order, in one or in several
/// processes: probe; then (after its intent is durable) apply; poll until it ends. A process that
/// finds an intent without an outcome calls recover instead of probe and apply.
namespace reprieve::recovery {

/// Which try of which act: nothing that reaches outside has a name that is not made of this.
struct ActTry {
  ChildKey key;
  std::string idempotency_key;  ///< Hash of run, step, generation and act; the same for all tries.
};

/// What a look at the world says before anything is done.
struct Probe {
  bool is_satisfied = false;      ///< What the act wants is so already: nothing need be done.
  Json prior = Json::object();    ///< What an undo will need.
  Json outputs = Json::object();  ///< If satisfied.
};

struct ActStatus {
  enum class Kind : std::uint8_t {
    kUnderWay,
    kDone,  ///< And verified.
    kFailed,
    kNotApplied,  ///< Only from recover(): it certainly did not happen.
    kUnknown,     ///< Only from recover(): it may have happened.
  };
  Kind kind = Kind::kUnderWay;
  Json outputs = Json::object();
  std::string error;
  bool is_worth_another_try = false;  ///< A failure by interruption: try again without a word.
};

class ActRun {
 public:
  virtual ~ActRun() = default;
  virtual Result<Probe> probe() = 0;
  virtual Result<> apply(const ActTry& attempt) = 0;
  virtual Result<ActStatus> recover(const ActTry& attempt, const Json& prior) = 0;
  virtual Result<ActStatus> poll() = 0;
  /// Its time is up: ends what is under way. poll() goes on being called until it has ended.
  virtual Result<> stop() = 0;
  /// Grows while there is progress, for the stall limit.
  virtual std::uint64_t progress() { return 0; }
  /// The last line of its output, for the screen.
  virtual std::string last_line() { return {}; }
};

/// `state` must outlive the result. Errors: kCorrupt if the act's arguments make no sense.
Result<std::unique_ptr<ActRun>> make_act_run(const Context& context, const RunState& state,
                                             const plan::Step& step, const Act& act);

std::unique_ptr<ActRun> make_command_run(const Context& context, const Act& act);
std::unique_ptr<ActRun> make_stop_run(const Context& context, const Act& act);
std::unique_ptr<ActRun> make_start_run(const Context& context, const Act& act);
std::unique_ptr<ActRun> make_checks_run(const Context& context, const Act& act);
std::unique_ptr<ActRun> make_move_run(const Context& context, const Act& act);
std::unique_ptr<ActRun> make_approve_run(const Context& context, const RunState& state,
                                         const plan::Step& step, const Act& act);

ActStatus done_with(Json outputs);
ActStatus failed_with(std::string error);

}  // namespace reprieve::recovery
