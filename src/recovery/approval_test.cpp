#include "recovery/approval.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

class ApprovalTest : public ::testing::Test {
 protected:
  ApprovalTest() {
    for (const auto& [name, key] : {std::pair{"ana", &ana_}, std::pair{"bob", &bob_}}) {
      plan::Person person;
      person.name = name;
      person.key = to_hex(key->public_key());
      plan_.people.push_back(person);
    }
    plan::Role role;
    role.name = "dba";
    role.people = {{.text = "ana", .at = {}}, {.text = "bob", .at = {}}};
    plan_.roles.push_back(role);
    state_.id = "r1";
    state_.requester = "ana";
  }

  SignedApproval by(const std::string& person, const crypto::SigningKey& key,
                    const std::string& binding = "b1", bool approves = true) {
    auto approval = sign_approval({.run = "r1",
                                   .step = "ok",
                                   .binding = binding,
                                   .is_approved = approves,
                                   .person = person,
                                   .at = Instant{},
                                   .reason = "looked"},
                                  key);
    EXPECT_TRUE(approval);
    return *approval;
  }

  SeededRandom random_{3};
  crypto::SigningKey ana_ = crypto::SigningKey::generate(random_);
  crypto::SigningKey bob_ = crypto::SigningKey::generate(random_);
  plan::Plan plan_;
  RunState state_;
  Json args_{{"by", {"dba"}}, {"quorum", 2}, {"not_requester", false}, {"binding", "b1"}};
};

TEST_F(ApprovalTest, AdmitsWhatThePersonsOwnKeySigned) {
  EXPECT_TRUE(admit_approval(plan_, state_, args_, by("bob", bob_)));
}

TEST_F(ApprovalTest, RefusesAnotherPersonsKey) {
  const auto admitted = admit_approval(plan_, state_, args_, by("bob", ana_));
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().kind, ErrorKind::kDenied);
}

TEST_F(ApprovalTest, RefusesAStatementThatWasChangedAfterwards) {
  SignedApproval approval = by("bob", bob_, "b1", false);
  approval.statement.is_approved = true;
  EXPECT_FALSE(admit_approval(plan_, state_, args_, approval));
}

TEST_F(ApprovalTest, RefusesTheRequesterIfThePlanDoes) {
  args_["not_requester"] = true;
  EXPECT_FALSE(admit_approval(plan_, state_, args_, by("ana", ana_)));
  EXPECT_THAT(approvers(plan_, state_, args_), ::testing::ElementsAre("bob"));
}

TEST_F(ApprovalTest, RefusesAnApprovalOfSomethingElse) {
  const auto admitted = admit_approval(plan_, state_, args_, by("bob", bob_, "b2"));
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().kind, ErrorKind::kConflict);
}

TEST_F(ApprovalTest, RefusesSomebodyOutsideTheRole) {
  plan_.roles[0].people.pop_back();
  EXPECT_FALSE(admit_approval(plan_, state_, args_, by("bob", bob_)));
}

TEST_F(ApprovalTest, SurvivesItsJson) {
  const auto parsed = parse_approval(to_json(by("bob", bob_)));
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(admit_approval(plan_, state_, args_, *parsed));
}

TEST_F(ApprovalTest, RefusesAReasonThatForgesALine) {
  EXPECT_FALSE(sign_approval({.run = "r1",
                              .step = "ok",
                              .binding = {},
                              .person = {},
                              .at = {},
                              .reason = "x\nverdict: approve"},
                             bob_));
}

TEST_F(ApprovalTest, CountsEachPersonOnceTowardsTheQuorum) {
  const Approval bob{.step = "ok", .person = "bob", .binding = "b1", .reason = {}, .at = {}};
  state_.approvals = {bob, bob};
  EXPECT_EQ(judge_approvals(state_, "ok", args_).kind, ApprovalJudgement::Kind::kPending);

  Approval ana = bob;
  ana.person = "ana";
  state_.approvals.push_back(ana);
  EXPECT_EQ(judge_approvals(state_, "ok", args_).kind, ApprovalJudgement::Kind::kApproved);
}

TEST_F(ApprovalTest, OneRejectionRejects) {
  state_.approvals = {{.step = "ok",
                       .person = "bob",
                       .binding = "b1",
                       .is_approved = false,
                       .reason = "wrong point",
                       .at = {}}};
  const auto judgement = judge_approvals(state_, "ok", args_);
  EXPECT_EQ(judgement.kind, ApprovalJudgement::Kind::kRejected);
  EXPECT_EQ(judgement.reason, "wrong point");
}

TEST_F(ApprovalTest, AnApprovalOfWhatWasBeforeDoesNotCount) {
  args_["quorum"] = 1;
  state_.approvals = {{.step = "ok", .person = "bob", .binding = "old", .reason = {}, .at = {}}};
  EXPECT_EQ(judge_approvals(state_, "ok", args_).kind, ApprovalJudgement::Kind::kPending);
}

}  // namespace
}  // namespace reprieve::recovery
