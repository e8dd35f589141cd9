#include "app/serve_jobs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/parse.hpp"

namespace reprieve::app {
namespace {

using ::testing::ElementsAre;

ServeJobs jobs_for(const std::string& policies) {
  const std::string text =
      "reprieve: 1\n"
      "plan: shop\n"
      "secrets: {r: {from: \"env:R\"}}\n"
      "storage: {near: {url: /near, password: r}, Far-2: {url: /far, password: r}}\n"
      "sources: {db: {type: postgres, url: \"postgres://u@h/d\"}, up: {type: files, path: /up}}\n"
      "backup: [" +
      policies + "]\n";
  const auto parsed = plan::parse_plan(as_bytes(text));
  for (const plan::Problem& problem : parsed.problems)
    ADD_FAILURE() << to_text(problem);
  return parsed.plan ? jobs_of(*parsed.plan) : ServeJobs{};
}

TEST(ServeJobs, AreABackupForEachPolicyAndStorageWithASchedule) {
  const ServeJobs jobs =
      jobs_for("{sources: [db, up], every: 5m, to: [near, Far-2], verify: data}, {sources: [up]}");
  ASSERT_EQ(jobs.backups.size(), 2U);
  EXPECT_EQ(jobs.backups[1].proof, plan::Proof::kData);
  EXPECT_EQ(jobs.backups[0].name(), "backup of db, up to near");
  EXPECT_EQ(jobs.backups[1].name(), "backup of db, up to Far-2");
  EXPECT_TRUE(jobs.receptions.empty());
}

TEST(ServeJobs, GiveEachStorageASlotOfItsOwn) {
  const ServeJobs jobs = jobs_for(
      "{sources: [db], every: continuous, to: [near, Far-2]},"
      "{sources: [db], every: continuous, to: [near]}");
  EXPECT_TRUE(jobs.backups.empty());
  ASSERT_EQ(jobs.receptions.size(), 2U);
  EXPECT_EQ(jobs.receptions[0].name(), "log of db to near");
  EXPECT_EQ(jobs.receptions[0].slot, "reprieve");
  EXPECT_EQ(jobs.receptions[1].slot, "reprieve_far_2");
}

}  // namespace
}  // namespace reprieve::app
