#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>

#include "repository/internal/test_repository.hpp"
#include "storage/faulty/crashing_store.hpp"

namespace reprieve::repository {
namespace {

using Contents = TestRepository::Contents;

class Crash : public testing::TestWithParam<std::tuple<UnsyncedAtCrash, CrashingCall>> {
 protected:
  CrashOptions options(int writes) const {
    return {std::get<0>(GetParam()), std::get<1>(GetParam()), static_cast<std::uint64_t>(writes)};
  }

  /// Every snapshot that can be seen is complete; returns their names.
  std::vector<std::string> check_snapshots(TestRepository& test) {
    const auto repository = test.open();
    const auto list = repository->snapshots();
    EXPECT_TRUE(list);
    if (!list) return {};
    EXPECT_TRUE(list->damaged.empty());
    std::vector<std::string> names;
    for (const Snapshot& snapshot : list->snapshots) {
      const std::string& name = snapshot.description.name;
      const auto restored = TestRepository::restore(*repository, snapshot);
      EXPECT_TRUE(restored) << name << ": " << (restored ? "" : restored.error().what);
      EXPECT_TRUE(restored && *restored == wanted_[name]) << name;
      names.push_back(name);
    }
    return names;
  }

  std::map<std::string, Contents> wanted_{{"first", TestRepository::contents(1)},
                                          {"second", TestRepository::contents(2)},
                                          {"third", TestRepository::contents(2, 30)}};
};

TEST_P(Crash, AtAnyWriteLosesNoSnapshotAndTheNextRunSucceeds) {
  bool has_finished = false;
  for (int writes = 0; !has_finished; ++writes) {
    ASSERT_LT(writes, 100);
    TestRepository test;
    {
      const auto repository = test.open();
      ASSERT_TRUE(TestRepository::back_up(*repository, wanted_["first"], "first"));
    }
    CrashingStore store{test.disk, writes, options(writes)};
    bool is_reported = false;
    {
      const auto repository = test.open(store);
      ASSERT_TRUE(repository);
      const auto second = TestRepository::back_up(**repository, wanted_["second"], "second");
      is_reported = bool{second};
      EXPECT_NE(is_reported, store.has_crashed());
      has_finished = !store.has_crashed();
    }
    if (has_finished) test.disk.lose_unsynced();  // What was reported survives the power cut.

    const auto names = check_snapshots(test);
    ASSERT_GE(names.size(), is_reported ? 2U : 1U) << "after " << writes << " writes";
    EXPECT_EQ(names[0], "first");
    {
      const auto repository = test.open();
      const auto third = TestRepository::back_up(*repository, wanted_["third"], "third");
      ASSERT_TRUE(third) << third.error().what;
      EXPECT_EQ(third->seq, names.size() + 1);
    }
    test.disk.lose_unsynced();
    EXPECT_EQ(check_snapshots(test).size(), names.size() + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllWays, Crash,
    testing::Combine(testing::Values(UnsyncedAtCrash::kLost, UnsyncedAtCrash::kKept,
                                     UnsyncedAtCrash::kByChance),
                     testing::Values(CrashingCall::kUndone, CrashingCall::kDone)));

}  // namespace
}  // namespace reprieve::repository
