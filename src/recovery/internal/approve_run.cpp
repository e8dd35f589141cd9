#include <fmt/format.h>

#include <utility>

#include "recovery/approval.hpp"
#include "recovery/internal/act_run.hpp"
#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

/// Waits for signed statements, which the executor takes in and journals.
class ApproveRun : public ActRun {
 public:
  ApproveRun(const RunState& state, const plan::Step& step, Act act)
      : state_{state}, step_{step.id}, act_{std::move(act)} {}

  Result<Probe> probe() override { return Probe{}; }
  Result<> apply(const ActTry& /*attempt*/) override { return kOk; }
  Result<ActStatus> recover(const ActTry& /*attempt*/, const Json& /*prior*/) override {
    return ActStatus{};
  }

  Result<ActStatus> poll() override {
    const ApprovalJudgement judgement = judge_approvals(state_, step_, act_.args);
    std::string by;
    for (const std::string& person : judgement.by)
      by += (by.empty() ? "" : ",") + person;
    switch (judgement.kind) {
      case ApprovalJudgement::Kind::kPending:
        break;
      case ApprovalJudgement::Kind::kApproved:
        return done_with(Json{{"by", by}});
      case ApprovalJudgement::Kind::kRejected:
        return failed_with(fmt::format("rejected by {}{}{}", by,
                                       judgement.reason.empty() ? "" : ": ", judgement.reason));
    }
    if (!is_time_up_) return ActStatus{};
    if (flag_of(act_.args, "proceed_on_timeout"))
      return done_with(Json{{"by", "nobody: its time was up, and the plan says to proceed"}});
    return failed_with("nobody approved it in time");
  }

  Result<> stop() override {
    is_time_up_ = true;
    return kOk;
  }

 private:
  const RunState& state_;
  const std::string step_;
  const Act act_;
  bool is_time_up_ = false;
};

}  // namespace

std::unique_ptr<ActRun> make_approve_run(const Context& /*context*/, const RunState& state,
                                         const plan::Step& step, const Act& act) {
  return std::make_unique<ApproveRun>(state, step, act);
}

}  // namespace reprieve::recovery
