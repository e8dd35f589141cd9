#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "plan/model.hpp"
#include "recovery/context.hpp"
#include "recovery/decide.hpp"
#include "recovery/internal/act_run.hpp"
#include "recovery/journal.hpp"
#include "recovery/run_state.hpp"

namespace reprieve::recovery {

/// Where the words of persons come in: approvals, answers, notes. See inbox.hpp for their form.
class Inbox {
 public:
  virtual ~Inbox() = default;
  struct Message {
    std::string name;  ///< Unique within the run, so that none counts twice.
    Json body;
  };
  /// All messages that are there, oldest first, whether taken before or not.
  virtual Result<std::vector<Message>> read() = 0;
};

/// Carries a run out: decides, journals, acts, looks. One thread, one run. It may be destroyed, or
/// its process killed, at any point: another one with the same journal goes on.
class Executor {
 public:
  struct Options {
    bool waits_for_people = false;        ///< Stay while only a person can move the run on.
    const CancelToken* cancel = nullptr;  ///< Leaves the run as it is; children go on.
  };
  enum class End : std::uint8_t {
    kFinished,
    kWaitsForPerson,
    kStopped,  ///< By the token.
  };

  /// All references must outlive the executor. `state` is what `journal` says.
  Executor(const Context& context, plan::Scenario executed, RunState state, Journal& journal,
           Inbox& inbox);
  ~Executor();

  /// Errors: the journal could not be written (nothing was done since); kCorrupt.
  Result<End> run(const Options& options);
  [[nodiscard]] const RunState& state() const { return state_; }

 private:
  /// An act under way in this process.
  struct Live {
    std::size_t act = 0;
    bool is_undo = false;
    bool is_applied = false;
    std::unique_ptr<ActRun> run;
    Duration began{};
    std::uint64_t progress = 0;
    Duration progressed_at{};
    std::string stop_reason;  ///< Not empty: it was told to stop.
    Duration stopped_at{};
  };

  Result<> commit(RecordKind kind, Json body);
  Result<> take_inbox();
  Result<> take_message(const Inbox::Message& message);
  Result<> take_answer(const Inbox::Message& message);
  Result<> take_approval(const Inbox::Message& message);
  Result<> note(const std::string& inbox_name, const std::string& who, const std::string& text);

  Result<> carry_out(const Decision& decision);
  Result<> start_step(const plan::Step& step);
  Result<> fail_before_start(const std::string& step, const Error& error);
  Result<> start_undo(const plan::Step& step);

  /// One look at what a step does now. True if something moved.
  Result<bool> advance(const plan::Step& step);
  Result<bool> advance_act(const plan::Step& step, Live& live);
  Result<> begin_act(const plan::Step& step, Live& live);
  Result<> resume_act(const plan::Step& step, Live& live);
  Result<> apply_act(const plan::Step& step, Live& live, const Json& prior);
  Result<> end_act(const plan::Step& step, const Live& live, ActState::Phase phase,
                   const ActStatus& status);
  Result<> fail_step(const plan::Step& step, bool is_undo, const std::string& error);
  Result<> end_step(const plan::Step& step, bool is_undo);
  void enforce_limits(const plan::Step& step, Live& live);
  ActStatus judge_stopped(const plan::Step& step, Live& live, ActStatus status);

  ActState& act_of_live(const std::string& step, const Live& live);
  ActTry try_of(const std::string& step, const Live& live, std::uint32_t number) const;
  [[nodiscard]] Moment now() const;

  const Context& context_;
  const plan::Scenario scenario_;
  RunState state_;
  Journal& journal_;
  Inbox& inbox_;
  std::map<std::string, Live> live_;
  Duration reported_at_{};
};

/// What a step gives out, from what its acts gave out.
Json merged_outputs(const StepRun& step);

}  // namespace reprieve::recovery
