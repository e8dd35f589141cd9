#include "repository/prune.hpp"

#include <gtest/gtest.h>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/test_repository.hpp"
#include "repository/verify.hpp"
#include "storage/faulty/crashing_store.hpp"

namespace reprieve::repository {
namespace {

using Contents = TestRepository::Contents;

PruneOptions keep_last(std::uint32_t count) {
  PruneOptions options;
  options.rules[""] = {RetentionRule{.last = count, .min_age = {}}};
  return options;
}

std::uint64_t stored_bytes(TestRepository& test, std::string_view prefix) {
  std::uint64_t bytes = 0;
  EXPECT_TRUE(test.disk.list(prefix, [&](const ObjectInfo& object) -> Result<> {
    bytes += object.size.value;
    return kOk;
  }));
  return bytes;
}

void expect_whole(TestRepository& test) {
  const auto repository = test.open();
  Progress progress;
  const CancelToken never;
  const auto report = verify(*repository, VerifyLevel::kData, 1, progress, never);
  ASSERT_TRUE(report) << report.error().what;
  for (const Damage& damage : report->damages) {
    // The contents of these points are no trees of files: what restores them looks at them.
    if (damage.what.find("of the chunks that it needs") == std::string::npos)
      ADD_FAILURE() << damage.object << ": " << damage.what;
  }
}

void expect_restores(TestRepository& test, const std::map<std::string, Contents>& wanted) {
  const auto repository = test.open();
  const auto list = repository->snapshots();
  ASSERT_TRUE(list);
  EXPECT_EQ(list->snapshots.size(), wanted.size());
  for (const Snapshot& snapshot : list->snapshots) {
    const auto restored = TestRepository::restore(*repository, snapshot);
    ASSERT_TRUE(restored) << snapshot.description.name << ": " << restored.error().what;
    ASSERT_TRUE(wanted.contains(snapshot.description.name)) << snapshot.description.name;
    EXPECT_EQ(*restored, wanted.at(snapshot.description.name));
  }
  expect_whole(test);
}

class Prune : public testing::Test {
 protected:
  void back_up(const std::string& name, const Contents& contents) {
    test_.clock.sleep_for(std::chrono::hours{1});
    const auto made = TestRepository::back_up(*test_.open(), contents, name);
    ASSERT_TRUE(made) << made.error().what;
  }
  PruneReport prune_now(const PruneOptions& options) {
    test_.clock.sleep_for(std::chrono::hours{1});
    auto report = prune(*test_.open(), options, never_);
    EXPECT_TRUE(report) << report.error().what;
    return report ? *report : PruneReport{};
  }

  TestRepository test_;
  const CancelToken never_;
};

TEST_F(Prune, GivesBackTheSpaceOfPointsThatNoRuleKeeps) {
  back_up("first", TestRepository::contents(1));
  back_up("second", TestRepository::contents(2));
  back_up("third", TestRepository::contents(3));
  const std::uint64_t before = stored_bytes(test_, "pack/");
  const PruneReport report = prune_now(keep_last(1));
  EXPECT_EQ(report.points_removed, 2U);
  EXPECT_TRUE(report.waiting.empty());
  EXPECT_LT(stored_bytes(test_, "pack/"), before / 2);
  EXPECT_GT(report.bytes_freed, before / 2);
  expect_restores(test_, {{"third", TestRepository::contents(3)}});
  EXPECT_TRUE(test_.objects("sess/").empty());
  EXPECT_EQ(test_.objects("snap/").size(), 1U);
}

TEST_F(Prune, LeavesEverythingWithoutARule) {
  back_up("first", TestRepository::contents(1));
  back_up("second", TestRepository::contents(2));
  const auto packs = test_.objects("pack/");
  const PruneReport report = prune_now({});
  EXPECT_EQ(report.points_removed, 0U);
  EXPECT_EQ(report.packs_deleted, 0U);
  EXPECT_EQ(test_.objects("pack/"), packs);
  EXPECT_EQ(report.points.size(), 2U);
}

TEST_F(Prune, CopiesWhatLivesOutOfPacksThatAreMostlyDead) {
  Contents all = TestRepository::contents(1, 40);
  back_up("first", all);
  const Contents some{all.begin(), all.begin() + 3};
  back_up("second", some);
  const std::uint64_t before = stored_bytes(test_, "pack/");
  const PruneReport report = prune_now(keep_last(1));
  EXPECT_GT(report.packs_copied, 0U);
  EXPECT_LT(stored_bytes(test_, "pack/"), before);
  expect_restores(test_, {{"second", some}});
  const PruneReport again = prune_now(keep_last(1));
  EXPECT_EQ(again.packs_copied, 0U);
  EXPECT_EQ(again.packs_deleted, 0U);
}

TEST_F(Prune, ADryRunSaysWhatTheRunDoesAndWritesNothing) {
  back_up("first", TestRepository::contents(1));
  back_up("second", TestRepository::contents(2));
  const auto before = test_.objects("");
  PruneOptions options = keep_last(1);
  options.is_dry_run = true;
  const PruneReport planned = prune_now(options);
  EXPECT_EQ(test_.objects(""), before);
  EXPECT_EQ(planned.points_removed, 1U);
  EXPECT_GT(planned.bytes_reclaimable, 0U);
  const PruneReport done = prune_now(keep_last(1));
  EXPECT_EQ(done.points_removed, planned.points_removed);
  EXPECT_EQ(done.bytes_freed, planned.bytes_reclaimable);
}

TEST_F(Prune, ALostPlanIsDamageThatVerifyAndRepairTellOf) {
  ASSERT_TRUE(test_.disk.put("gc/00000001", as_bytes("torn")));
  Progress progress;
  const CancelToken never;

  const auto verified = verify(*test_.open(), VerifyLevel::kData, 1, progress, never);
  const auto repaired = repair(test_.disk, test_.open().get(), true, 1, progress, never);

  ASSERT_TRUE(verified) << verified.error().what;
  ASSERT_EQ(verified->damages.size(), 1U);
  EXPECT_EQ(verified->damages[0].object, "gc/00000001");
  ASSERT_TRUE(repaired) << repaired.error().what;
  ASSERT_EQ(repaired->left.size(), 1U);
  EXPECT_EQ(repaired->left[0].object, "gc/00000001");
}

TEST_F(Prune, AHeldPointStaysUntilItIsReleased) {
  back_up("first", TestRepository::contents(1));
  back_up("second", TestRepository::contents(2));
  const auto repository = test_.open();
  const auto list = repository->snapshots();
  ASSERT_TRUE(list);
  const SnapshotId first = list->snapshots[0].id;
  ASSERT_TRUE(hold_point(*repository, first, "trial in Graz"));
  const auto holds = list_holds(*repository);
  ASSERT_TRUE(holds);
  ASSERT_EQ(holds->size(), 1U);
  EXPECT_EQ(holds->front().text, "trial in Graz");
  const PruneReport held = prune_now(keep_last(1));
  EXPECT_EQ(held.points_removed, 0U);
  EXPECT_NE(held.points[0].verdict.reason.find("trial in Graz"), std::string::npos);
  ASSERT_TRUE(release_point(*repository, first));
  EXPECT_EQ(release_point(*repository, first).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(prune_now(keep_last(1)).points_removed, 1U);
  expect_restores(test_, {{"second", TestRepository::contents(2)}});
}

TEST_F(Prune, WaitsForARunningBackupAndCopiesOutWhatItNeeds) {
  const Contents contents = TestRepository::contents(1);
  back_up("first", contents);
  back_up("second", TestRepository::contents(2));
  const auto writer = test_.open();
  Progress progress;
  auto session = WriteSession::begin(*writer, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  const PruneReport waiting = prune_now(keep_last(1));
  EXPECT_EQ(waiting.packs_deleted, 0U);
  ASSERT_EQ(waiting.waiting.size(), 1U);
  EXPECT_GT(waiting.waiting[0].bytes, 0U);
  std::vector<ChunkRef> refs;
  std::vector<ChunkId> ids;
  for (const Bytes& content : contents) {
    const auto id = (*session)->put(ChunkType::kData, content);
    ASSERT_TRUE(id);
    refs.push_back({*id, static_cast<std::uint32_t>(content.size())});
    ids.push_back(*id);
  }
  const auto root = (*session)->put(ChunkType::kList, encode_list(refs), ids);
  ASSERT_TRUE(root);
  Description description;
  description.name = "third";
  const auto made = (*session)->commit({*root, 1}, {}, description);
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_LT(made->statistics.bytes_new, 1000U);  // It relied on what was condemned meanwhile.
  prune_now(keep_last(2));
  const PruneReport last = prune_now(keep_last(2));
  EXPECT_TRUE(last.waiting.empty());
  expect_restores(test_, {{"second", TestRepository::contents(2)}, {"third", contents}});
}

TEST_F(Prune, FencesASessionOffThatIsTooOld) {
  back_up("first", TestRepository::contents(1));
  back_up("second", TestRepository::contents(2));
  const auto writer = test_.open();
  Progress progress;
  auto session = WriteSession::begin(*writer, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  EXPECT_EQ(prune_now(keep_last(1)).packs_deleted, 0U);
  test_.clock.sleep_for(std::chrono::hours{80});
  const PruneReport report = prune_now(keep_last(1));
  EXPECT_EQ(report.sessions_fenced, 1U);
  EXPECT_GT(report.packs_deleted, 0U);
  const auto late = (*session)->commit({}, {}, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kConflict);
  expect_restores(test_, {{"second", TestRepository::contents(2)}});
}

TEST_F(Prune, CondemnsNothingWhenAPackThatIsNeededIsGone) {
  back_up("first", TestRepository::contents(1));
  back_up("second", TestRepository::contents(2));
  const auto repository = test_.open();
  const auto list = repository->snapshots();
  ASSERT_TRUE(list);
  const auto place = repository->index().find(list->snapshots[1].root.id);
  ASSERT_TRUE(place);
  ASSERT_TRUE(test_.disk.remove(pack_key(repository->index().frame(place->frame).pack)));
  const auto packs = test_.objects("pack/");
  const auto report = prune(*repository, keep_last(1), never_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(report.error().hint, "");
  EXPECT_EQ(test_.objects("pack/"), packs);
  EXPECT_TRUE(test_.objects("gc/").empty());
}

class PruneCrash : public testing::TestWithParam<std::tuple<UnsyncedAtCrash, CrashingCall>> {};

TEST_P(PruneCrash, AtAnyWriteLosesNothingAndTheNextRunFinishes) {
  Contents kept = TestRepository::contents(1, 12);
  kept.resize(3);  // Most of the first point's packs is dead, not all.
  bool has_finished = false;
  for (int writes = 0; !has_finished; ++writes) {
    ASSERT_LT(writes, 200);
    TestRepository test;
    const CancelToken never;
    ASSERT_TRUE(TestRepository::back_up(*test.open(), TestRepository::contents(1, 12), "first"));
    test.clock.sleep_for(std::chrono::hours{1});
    ASSERT_TRUE(TestRepository::back_up(*test.open(), TestRepository::contents(2, 2), "second"));
    test.clock.sleep_for(std::chrono::hours{1});
    ASSERT_TRUE(TestRepository::back_up(*test.open(), kept, "third"));
    CrashingStore store{
        test.disk,
        writes,
        {std::get<0>(GetParam()), std::get<1>(GetParam()), static_cast<std::uint64_t>(writes)}};
    {
      const auto repository = test.open(store);
      ASSERT_TRUE(repository);
      static_cast<void>(prune(**repository, keep_last(1), never));
      has_finished = !store.has_crashed();
    }
    SCOPED_TRACE("after " + std::to_string(writes) + " writes");
    expect_whole(test);
    test.clock.sleep_for(std::chrono::hours{100});
    for (int runs = 0; runs < 3; ++runs) {
      const auto done = prune(*test.open(), keep_last(1), never);
      ASSERT_TRUE(done) << done.error().what;
      EXPECT_TRUE(runs < 2 || done->packs_deleted == 0);
    }
    expect_restores(test, {{"third", kept}});
    EXPECT_TRUE(test.objects("sess/").empty());
    EXPECT_LT(stored_bytes(test, "pack/"), 200'000U);
  }
}

INSTANTIATE_TEST_SUITE_P(AllWays, PruneCrash,
                         testing::Values(std::tuple{UnsyncedAtCrash::kLost, CrashingCall::kDone},
                                         std::tuple{UnsyncedAtCrash::kByChance,
                                                    CrashingCall::kUndone}));

}  // namespace
}  // namespace reprieve::repository
