#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "plan/model.hpp"
#include "recovery/run_state.hpp"

/// Approvals are statements that a person signs with a key whose public half is in the plan. What
/// is signed is this text, so that it can be read, and checked, with any tool:
///
///     reprieve approval 1
///     run: RUN
///     step: STEP
///     binding: HEX
///     verdict: approve|reject
///     person: NAME
///     at: RFC 3339
///     reason: one line
namespace reprieve::recovery {

struct ApprovalStatement {
  std::string run;
  std::string step;
  std::string binding;
  bool is_approved = true;
  std::string person;
  Instant at;
  std::string reason;
};

struct SignedApproval {
  ApprovalStatement statement;
  crypto::Signature signature{};
};

/// The signed text.
std::string statement_text(const ApprovalStatement& statement);
/// Errors: kInvalid if a field holds a line end.
Result<SignedApproval> sign_approval(const ApprovalStatement& statement,
                                     const crypto::SigningKey& key);

Json to_json(const SignedApproval& approval);
/// Errors: kInvalid. The signature is not looked at.
Result<SignedApproval> parse_approval(const Json& json);

/// Whether `approval` is by a person of the plan with the key that the plan has, who may decide
/// about the step that waits, and about exactly what waits (`act_args` of its approve act).
/// Errors: kDenied, kInvalid, kConflict for a stale binding.
Result<> admit_approval(const plan::Plan& plan, const RunState& state, const Json& act_args,
                        const SignedApproval& approval);

struct ApprovalJudgement {
  enum class Kind : std::uint8_t { kPending, kApproved, kRejected };
  Kind kind = Kind::kPending;
  std::vector<std::string> by;  ///< Who approved so far; of a rejection: who rejected.
  std::string reason;
};

/// What the admitted approvals of `step` amount to.
ApprovalJudgement judge_approvals(const RunState& state, const std::string& step,
                                  const Json& act_args);

/// Names of those who may still approve.
std::vector<std::string> approvers(const plan::Plan& plan, const RunState& state,
                                   const Json& act_args);

}  // namespace reprieve::recovery
