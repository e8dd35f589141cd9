#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "repository/internal/index.hpp"
#include "repository/internal/test_repository.hpp"
#include "repository/verify.hpp"
#include "storage/faulty/faulty_store.hpp"

namespace reprieve::repository {
namespace {

class Repair : public testing::Test {
 protected:
  void SetUp() override {
    const auto repository = test_.open();
    ASSERT_TRUE(TestRepository::back_up(*repository, contents_, "x"));
    for (const ObjectKey& key : test_.objects(""))
      before_[key] = bytes_of(key);
  }
  Bytes bytes_of(const ObjectKey& key) {
    auto bytes = test_.disk.get(key, ByteCount{1 << 30});
    EXPECT_TRUE(bytes);
    return bytes ? *std::move(bytes) : Bytes{};
  }
  void flip(const ObjectKey& key, std::size_t at) {
    ASSERT_TRUE(test_.disk.damage(key, [&](Bytes& bytes) { bytes[at] ^= std::byte{1}; }));
  }
  RepairReport run(Repository* repository, bool dry_run = false) {
    Progress progress;
    auto report = repair(test_.disk, repository, dry_run, 2, progress, {});
    EXPECT_TRUE(report) << (report ? "" : report.error().what);
    return report ? *std::move(report) : RepairReport{};
  }
  void expect_undamaged() {
    Progress progress;
    const auto report = verify_shards(test_.disk, 2, progress, {});
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->damages.empty());
  }
  void expect_restorable() {
    const auto repository = test_.open();
    const auto list = repository->snapshots();
    ASSERT_TRUE(list);
    ASSERT_EQ(list->snapshots.size(), 1U);
    const auto restored = TestRepository::restore(*repository, list->snapshots[0]);
    ASSERT_TRUE(restored) << restored.error().what;
    EXPECT_EQ(*restored, contents_);
  }

  TestRepository test_;
  TestRepository::Contents contents_ = TestRepository::contents(1);
  std::map<ObjectKey, Bytes> before_;
};

TEST_F(Repair, FindsNothingToDoInAnUndamagedStore) {
  const RepairReport report = run(nullptr);
  EXPECT_TRUE(report.healed.empty());
  EXPECT_TRUE(report.left.empty());
}

TEST_F(Repair, HealsEachKindOfObjectToItsOldBytesWithoutAnyKey) {
  std::vector<ObjectKey> damaged;
  for (const auto& [key, bytes] : before_) {
    if (key.starts_with("idx/")) continue;
    flip(key, 20);
    damaged.push_back(key);
  }
  const RepairReport report = run(nullptr);
  EXPECT_EQ(report.healed, damaged);
  EXPECT_TRUE(report.left.empty());
  for (const auto& [key, bytes] : before_)
    EXPECT_EQ(bytes_of(key), bytes) << key;
  expect_undamaged();
  expect_restorable();
}

TEST_F(Repair, ChangesNothingInADryRun) {
  const ObjectKey key = test_.objects("pack/").at(0);
  flip(key, 700);
  const Bytes damaged = bytes_of(key);
  const RepairReport report = run(nullptr, true);
  EXPECT_EQ(report.healed, std::vector<std::string>{key});
  EXPECT_EQ(bytes_of(key), damaged);
}

TEST_F(Repair, TakesALabelFromTheIndexWhenThePackHasLostBoth) {
  const ObjectKey key = test_.objects("pack/").at(0);
  flip(key, 20);
  flip(key, before_[key].size() - 20);
  const RepairReport without = run(nullptr);
  ASSERT_EQ(without.left.size(), 1U);
  EXPECT_TRUE(without.healed.empty());
  const auto repository = test_.open();
  const RepairReport with = run(repository.get());
  EXPECT_EQ(with.healed, std::vector<std::string>{key});
  EXPECT_EQ(bytes_of(key), before_[key]);
}

TEST_F(Repair, MakesLostAndDamagedIndexesAgainFromTrailers) {
  const ObjectKey key = test_.objects("idx/").at(0);
  flip(key, 100);
  {
    const auto repository = test_.open();
    const RepairReport report = run(repository.get());
    EXPECT_EQ(report.healed.size(), 2U) << "the one that is made, and the one that is gone";
    EXPECT_EQ(std::ranges::count(report.healed, key), 1);
    EXPECT_TRUE(report.left.empty());
  }
  expect_undamaged();
  expect_restorable();
  const auto repository = test_.open();
  EXPECT_TRUE(run(repository.get()).healed.empty());
}

TEST_F(Repair, MakesAnIndexAgainThatIsDamagedInTheStoreButKnownHere) {
  const auto repository = test_.open();
  const ObjectKey key = test_.objects("idx/").at(0);
  flip(key, 100);
  EXPECT_EQ(run(repository.get()).healed.size(), 2U);
  expect_undamaged();
  expect_restorable();
}

TEST_F(Repair, KeepsADamagedIndexWhileAPackOfItCannotBeIndexed) {
  const ObjectKey key = test_.objects("idx/").at(0);
  flip(key, 100);
  // A run leaves several indexes: so that the damaged one is hit, every pack is.
  for (const ObjectKey& pack : test_.objects("pack/"))
    ASSERT_TRUE(test_.disk.damage(pack, [](Bytes& bytes) { bytes.resize(50); }));
  const auto repository = test_.open();
  const RepairReport report = run(repository.get());
  EXPECT_TRUE(
      std::ranges::any_of(report.left, [&](const Damage& each) { return each.object == key; }));
  EXPECT_EQ(std::ranges::count(test_.objects("idx/"), key), 1);
}

TEST_F(Repair, SaysWhatIsLostAndLeavesItAlone) {
  const auto packs = test_.objects("pack/");
  ASSERT_TRUE(test_.disk.remove(packs[0]));
  ASSERT_TRUE(test_.disk.damage(packs[1], [](Bytes& bytes) { bytes.resize(50); }));
  const auto repository = test_.open();
  const RepairReport report = run(repository.get());
  EXPECT_TRUE(report.healed.empty());
  ASSERT_EQ(report.left.size(), 2U);
  for (const Damage& damage : report.left)
    EXPECT_FALSE(damage.is_healable);
  EXPECT_EQ(bytes_of(packs[1]).size(), 50U);
}

TEST_F(Repair, IsFollowedByABackupThatBringsBackWhatWasLost) {
  for (const ObjectKey& key : test_.objects("pack/"))
    ASSERT_TRUE(test_.disk.remove(key));
  const auto repository = test_.open();
  const auto again = TestRepository::back_up(*repository, contents_, "again");
  ASSERT_TRUE(again) << again.error().what;
  const auto restored = TestRepository::restore(*test_.open(), *again);
  ASSERT_TRUE(restored) << restored.error().what;
  EXPECT_EQ(*restored, contents_);
}

TEST_F(Repair, StopsWhenTheStoreCannotBeWritten) {
  flip(test_.objects("pack/").at(0), 700);
  FaultyStore store{test_.disk};
  store.fail_always(StoreCall::kReplace, ErrorKind::kDenied);
  Progress progress;
  const auto report = repair(store, nullptr, false, 1, progress, {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kDenied);
}

}  // namespace
}  // namespace reprieve::repository
