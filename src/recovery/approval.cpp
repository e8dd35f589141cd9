#include "recovery/approval.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

constexpr std::size_t kFieldMax = 1024;

bool is_one_line(const std::string& text) {
  return text.size() <= kFieldMax && text.find_first_of("\r\n") == std::string::npos;
}

Result<> check_fields(const ApprovalStatement& statement) {
  for (const std::string* const field :
       {&statement.run, &statement.step, &statement.binding, &statement.person, &statement.reason})
    if (!is_one_line(*field))
      return Error{ErrorKind::kInvalid, "an approval has a field of several lines or too long"};
  return kOk;
}

Error denied(std::string what) {
  return Error{ErrorKind::kDenied, std::move(what)};
}

}  // namespace

std::string statement_text(const ApprovalStatement& statement) {
  return fmt::format(
      "reprieve approval 1\nrun: {}\nstep: {}\nbinding: {}\nverdict: {}\nperson: {}\nat: {}\n"
      "reason: {}\n",
      statement.run, statement.step, statement.binding,
      statement.is_approved ? "approve" : "reject", statement.person, format_rfc3339(statement.at),
      statement.reason);
}

Result<SignedApproval> sign_approval(const ApprovalStatement& statement,
                                     const crypto::SigningKey& key) {
  REPRIEVE_RETURN_IF_ERROR(check_fields(statement));
  return SignedApproval{.statement = statement,
                        .signature = key.sign(as_bytes(statement_text(statement)))};
}

Json to_json(const SignedApproval& approval) {
  const ApprovalStatement& statement = approval.statement;
  return Json{{"run", statement.run},         {"step", statement.step},
              {"binding", statement.binding}, {"approved", statement.is_approved},
              {"person", statement.person},   {"at", format_rfc3339(statement.at)},
              {"reason", statement.reason},   {"signature", to_hex(approval.signature)}};
}

Result<SignedApproval> parse_approval(const Json& json) {
  SignedApproval approval;
  const auto signature = from_hex(text_of(json, "signature"));
  const auto at = time_of(json, "at");
  if (!signature || signature->size() != approval.signature.size() || !at)
    return Error{ErrorKind::kInvalid, "an approval has no signature or no time"};
  std::ranges::copy(*signature, approval.signature.begin());
  approval.statement = {.run = text_of(json, "run"),
                        .step = text_of(json, "step"),
                        .binding = text_of(json, "binding"),
                        .is_approved = flag_of(json, "approved"),
                        .person = text_of(json, "person"),
                        .at = *at,
                        .reason = text_of(json, "reason")};
  REPRIEVE_RETURN_IF_ERROR(check_fields(approval.statement));
  return approval;
}

std::vector<std::string> approvers(const plan::Plan& plan, const RunState& state,
                                   const Json& act_args) {
  std::vector<std::string> names;
  for (const std::string& role_name : texts_of(act_args, "by")) {
    const plan::Role* const role = plan.find_role(role_name);
    if (role == nullptr) continue;
    for (const plan::Name& name : role->people) {
      const plan::Person* const person = plan.find_person(name.text);
      const bool may = person != nullptr && !person->key.empty() &&
                       !(flag_of(act_args, "not_requester") && name.text == state.requester);
      if (may && std::ranges::find(names, name.text) == names.end()) names.push_back(name.text);
    }
  }
  return names;
}

Result<> admit_approval(const plan::Plan& plan, const RunState& state, const Json& act_args,
                        const SignedApproval& approval) {
  const ApprovalStatement& statement = approval.statement;
  const plan::Person* const person = plan.find_person(statement.person);
  if (person == nullptr) return denied(fmt::format("the plan has no person {}", statement.person));
  const auto key_bytes = from_hex(person->key);
  crypto::PublicKey key{};
  if (!key_bytes || key_bytes->size() != key.size())
    return denied(fmt::format("{} has no key in the plan", statement.person));
  std::ranges::copy(*key_bytes, key.begin());
  if (!crypto::verify_signature(key, as_bytes(statement_text(statement)), approval.signature))
    return denied(fmt::format("the signature is not by the key of {}", statement.person));
  if (statement.run != state.id)
    return Error{ErrorKind::kInvalid, "the approval is of another run"};
  if (flag_of(act_args, "not_requester") && statement.person == state.requester)
    return denied(fmt::format("{} asked for the run and may not approve it", statement.person));
  if (std::ranges::count(approvers(plan, state, act_args), statement.person) == 0)
    return denied(fmt::format("{} is in none of the roles that decide", statement.person));
  if (statement.binding != text_of(act_args, "binding"))
    return Error{ErrorKind::kConflict, "what the approval covers is not what waits now",
                 "Look at the run again, then approve what it shows."};
  return kOk;
}

ApprovalJudgement judge_approvals(const RunState& state, const std::string& step,
                                  const Json& act_args) {
  const std::string binding = text_of(act_args, "binding");
  ApprovalJudgement judgement;
  std::set<std::string> approved;
  for (const Approval& approval : state.approvals) {
    if (approval.step != step || approval.binding != binding) continue;
    if (!approval.is_approved)
      return {.kind = ApprovalJudgement::Kind::kRejected,
              .by = {approval.person},
              .reason = approval.reason};
    if (approved.insert(approval.person).second) judgement.by.push_back(approval.person);
  }
  const std::int64_t quorum = std::max<std::int64_t>(1, integer_of(act_args, "quorum"));
  if (std::cmp_greater_equal(judgement.by.size(), quorum))
    judgement.kind = ApprovalJudgement::Kind::kApproved;
  return judgement;
}

}  // namespace reprieve::recovery
