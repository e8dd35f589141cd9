#include "repository/replica.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>

#include "repository/internal/test_repository.hpp"
#include "repository/prune.hpp"
#include "storage/faulty/crashing_store.hpp"
#include "storage/faulty/faulty_store.hpp"
#include "storage/replicated/replicated_store.hpp"

namespace reprieve::repository {
namespace {

using Contents = TestRepository::Contents;

std::vector<ObjectKey> objects_in(ObjectStore& store, std::string_view prefix) {
  std::vector<ObjectKey> keys;
  EXPECT_TRUE(store.list(prefix, [&](const ObjectInfo& object) -> Result<> {
    keys.push_back(object.key);
    return kOk;
  }));
  return keys;
}

PruneOptions keep_last_one() {
  PruneOptions options;
  options.rules[""] = {RetentionRule{.last = 1, .min_age = {}}};
  return options;
}

/// Hands calls on to a store; before the `nth` one (counted from 1), something happens.
class SurprisedStore : public ObjectStore {
 public:
  SurprisedStore(ObjectStore& inner, int nth, std::function<void()> surprise)
      : inner_{inner}, calls_left_{nth}, surprise_{std::move(surprise)} {}
  Result<> put(const ObjectKey& key, ByteView body) override {
    count();
    return inner_.put(key, body);
  }
  Result<> sync() override { return inner_.sync(); }
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override {
    count();
    return inner_.get(key, range);
  }
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override {
    count();
    return inner_.get(key, size_max);
  }
  Result<ObjectInfo> stat(const ObjectKey& key) override {
    count();
    return inner_.stat(key);
  }
  Result<> list(std::string_view prefix, const Visit& visit) override {
    count();
    return inner_.list(prefix, visit);
  }
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override {
    return inner_.replace_damaged(key, body);
  }
  Result<> remove(const ObjectKey& key) override {
    count();
    return inner_.remove(key);
  }
  [[nodiscard]] std::string describe() const override { return inner_.describe(); }
  [[nodiscard]] bool was_surprised() const { return calls_left_ <= 0; }

 private:
  void count() {
    if (--calls_left_ == 0) surprise_();
  }
  ObjectStore& inner_;
  std::atomic<int> calls_left_;  // Calls come from several threads.
  const std::function<void()> surprise_;
};

class Replica : public testing::Test {
 protected:
  Snapshot back_up(const std::string& name, std::uint64_t seed) {
    return back_up_in(disk(), name, seed);
  }
  Snapshot back_up_in(ObjectStore& store, const std::string& name, std::uint64_t seed) {
    test_.clock.sleep_for(std::chrono::hours{1});
    contents_[name] = TestRepository::contents(seed);
    auto repository = test_.open(store);
    EXPECT_TRUE(repository);
    auto made = TestRepository::back_up(**repository, contents_[name], name);
    EXPECT_TRUE(made) << made.error().what;
    return made ? *made : Snapshot{};
  }
  Result<SyncReport> try_sync(ObjectStore& near, ObjectStore& far, bool is_dry_run = false) {
    REPRIEVE_TRY(const auto repository, test_.open(near));
    Progress progress;
    return sync_replica(*repository, far, {.is_new = true, .is_dry_run = is_dry_run, .threads = 1},
                        progress, {});
  }
  SyncReport sync(bool is_dry_run = false) {
    auto report = try_sync(disk(), far_, is_dry_run);
    EXPECT_TRUE(report) << report.error().what;
    return report ? *std::move(report) : SyncReport{};
  }
  void prune_now(ObjectStore& store) {
    test_.clock.sleep_for(std::chrono::hours{1});
    auto repository = test_.open(store);
    ASSERT_TRUE(repository);
    const auto report = prune(**repository, keep_last_one(), {});
    ASSERT_TRUE(report) << report.error().what;
  }
  /// Every point that the store lists restores byte for byte; how many there are.
  std::size_t expect_restores(ObjectStore& store, const std::string& when = "") {
    const auto repository = test_.open(store);
    EXPECT_TRUE(repository) << when << repository.error().what;
    if (!repository) return 0;
    const auto list = (*repository)->snapshots();
    EXPECT_TRUE(list && list->damaged.empty()) << when;
    if (!list) return 0;
    for (const Snapshot& snapshot : list->snapshots) {
      const auto restored = TestRepository::restore(**repository, snapshot);
      EXPECT_TRUE(restored) << when << snapshot.description.name << ": " << restored.error().what;
      EXPECT_TRUE(restored && *restored == contents_.at(snapshot.description.name)) << when;
    }
    return list->snapshots.size();
  }
  /// The replica as it lies there takes over, whatever state it is in: it is written to, which must
  /// not rely on anything that is not there, and prunes.
  void expect_takes_over(ObjectStore& store, const std::string& when) {
    {
      auto repository = test_.open(store);
      if (!repository) return;  // Not even the config has come.
      const auto promoted = promote_replica(**repository);
      ASSERT_TRUE(promoted) << when << promoted.error().what;
    }
    for (const auto& [name, contents] : std::map{contents_}) {
      test_.clock.sleep_for(std::chrono::hours{1});
      contents_["again " + name] = contents;
      auto repository = test_.open(store);
      ASSERT_TRUE(repository) << when;
      const auto made = TestRepository::back_up(**repository, contents, "again " + name);
      ASSERT_TRUE(made) << when << made.error().what;
      expect_restores(store, when + " after a backup like " + name + ": ");
    }
    std::erase_if(contents_, [](const auto& each) { return each.first.starts_with("again "); });
  }
  MemoryStore& disk() { return test_.disk; }
  void damage_beyond_parity(MemoryStore& store, const ObjectKey& key) {
    ASSERT_TRUE(store.damage(key, [](Bytes& bytes) { std::ranges::fill(bytes, std::byte{0}); }));
  }

  TestRepository test_;
  MemoryStore far_;
  std::map<std::string, Contents> contents_;
};

TEST_F(Replica, RestoresByItself) {
  back_up("monday", 1);
  back_up("tuesday", 2);
  const SyncReport report = sync();
  EXPECT_TRUE(report.is_complete());
  EXPECT_EQ(report.points_missing, 2U);
  EXPECT_EQ(expect_restores(far_), 2U);
  for (const ObjectKey& key : objects_in(disk(), "")) {
    const auto near = disk().get(key, ByteCount{1 << 30});
    const auto far = far_.get(key, ByteCount{1 << 30});
    EXPECT_TRUE(near && far && *near == *far) << key << " is a copy byte for byte";
  }
}

TEST_F(Replica, IsBroughtUpToDateByWhatItLacks) {
  back_up("monday", 1);
  sync();
  EXPECT_EQ(sync().objects_copied, 0U);

  const Snapshot tuesday = back_up("tuesday", 2);
  const SyncReport lag = sync(true);
  EXPECT_EQ(lag.points_missing, 1U);
  EXPECT_EQ(lag.oldest_missing_point, tuesday.time);
  EXPECT_GT(lag.bytes_missing, 0U);
  EXPECT_EQ(expect_restores(far_), 1U) << "to look is not to copy";

  const SyncReport report = sync();
  EXPECT_EQ(report.objects_copied, lag.objects_missing + 1) << "its session is announced there too";
  EXPECT_EQ(expect_restores(far_), 2U);
  EXPECT_EQ(objects_in(disk(), "sess/").size(), 2U) << "the sync's own session has ended";
}

TEST_F(Replica, TakesOverWhereverItsMakingStopped) {
  back_up("monday", 1);
  back_up("tuesday", 2);
  bool is_done = false;
  for (int writes = 0; !is_done; ++writes) {
    MemoryStore far;
    {
      CrashingStore failing{far, writes, {.unsynced = UnsyncedAtCrash::kByChance, .seed = 7}};
      is_done = bool{try_sync(disk(), failing)};
    }
    const std::string when = "crashed at write " + std::to_string(writes) + ": ";
    MemoryStore taken;
    for (const ObjectKey& key : objects_in(far, ""))
      ASSERT_TRUE(taken.put(key, *far.get(key, ByteCount{1 << 30})));
    if (objects_in(far, "config/").empty()) continue;
    expect_restores(far, when);
    expect_takes_over(taken, when);
    const auto again = try_sync(disk(), far);
    ASSERT_TRUE(again) << when << again.error().what;
    EXPECT_EQ(expect_restores(far, when), 2U) << when;
  }
}

TEST_F(Replica, FollowsAPrune) {
  back_up("monday", 1);
  back_up("tuesday", 2);
  sync();
  back_up("wednesday", 3);
  prune_now(disk());
  prune_now(disk());
  const SyncReport report = sync();
  EXPECT_TRUE(report.is_complete());
  EXPECT_GT(report.objects_removed, 0U);
  EXPECT_EQ(expect_restores(far_), 1U);
  std::vector<ObjectKey> far = objects_in(far_, "");
  std::erase_if(far, [](const ObjectKey& key) { return key.starts_with("replica/"); });
  EXPECT_EQ(far, objects_in(disk(), ""));
  expect_takes_over(far_, "");
}

TEST_F(Replica, IsWholeThoughAPruneFinishesWithinItsSync) {
  bool was_surprised = true;
  for (int nth = 1; was_surprised; nth += 7) {
    TestRepository fresh;
    contents_.clear();
    MemoryStore far;
    const auto back_up_here = [&](const std::string& name, std::uint64_t seed) {
      back_up_in(fresh.disk, name, seed);
    };
    back_up_here("monday", 1);
    back_up_here("tuesday", 2);
    ASSERT_TRUE(try_sync(fresh.disk, far));
    back_up_here("wednesday", 3);
    prune_now(fresh.disk);
    // What the surprise does: a backup that relies on what is there, and prunes that make space.
    SurprisedStore near{fresh.disk, nth, [&] {
                          back_up_here("thursday", 3);
                          prune_now(fresh.disk);
                          back_up_here("friday", 4);
                          prune_now(fresh.disk);
                        }};
    const auto synced = try_sync(near, far);
    const std::string when = "surprised at call " + std::to_string(nth) + ": ";
    ASSERT_TRUE(synced || synced.error().kind == ErrorKind::kConflict)
        << when << synced.error().what;
    was_surprised = near.was_surprised();
    expect_restores(far, when);
    const auto again = try_sync(fresh.disk, far);
    ASSERT_TRUE(again) << when << again.error().what;
    EXPECT_EQ(again->lost, std::vector<std::string>{}) << when;
    EXPECT_TRUE(again->damaged.empty()) << when;
    EXPECT_EQ(expect_restores(far, when), 1U) << when;
    expect_takes_over(far, when);
  }
}

TEST_F(Replica, IsNotMadeOfAnEmptyStoreUnlessToldTo) {
  back_up("monday", 1);
  const auto repository = test_.open();
  Progress progress;
  const auto refused = sync_replica(*repository, far_, {}, progress, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(objects_in(far_, "").empty());
}

TEST_F(Replica, IsNotMadeOfAnotherRepository) {
  back_up("monday", 1);
  TestRepository other{2};
  const auto before = objects_in(other.disk, "");
  const auto refused = try_sync(disk(), other.disk);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(objects_in(other.disk, ""), before);
}

TEST_F(Replica, TellsThatBothWereWrittenTo) {
  back_up("monday", 1);
  sync();
  {
    auto repository = test_.open(far_);
    ASSERT_TRUE(promote_replica(**repository));
  }
  back_up_in(far_, "far", 5);
  back_up("near", 6);
  // Somebody marks it by hand, to get round the first refusal.
  const auto marked = try_sync(disk(), far_);
  ASSERT_FALSE(marked);
  EXPECT_EQ(marked.error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(far_.put("replica/" + to_hex(test_.open()->id()), as_bytes("x")));
  const auto before = objects_in(far_, "");
  const auto forked = try_sync(disk(), far_);
  ASSERT_FALSE(forked);
  EXPECT_EQ(forked.error().kind, ErrorKind::kConflict);
  EXPECT_NE(forked.error().what.find("snap/"), std::string::npos) << forked.error().what;
  EXPECT_EQ(objects_in(far_, ""), before);
}

TEST_F(Replica, KeepsWhatThePrimaryLostAndBringsItBack) {
  back_up("monday", 1);
  back_up("tuesday", 2);
  sync();
  const auto before = objects_in(disk(), "");
  // A thief with the store's account removes a point and half of the packs.
  ASSERT_TRUE(disk().remove(objects_in(disk(), "snap/").front()));
  for (const ObjectKey& key : objects_in(disk(), "pack/"))
    if (key < "pack/8") {
      ASSERT_TRUE(disk().remove(key));
    }
  const SyncReport report = sync();
  EXPECT_FALSE(report.is_complete());
  EXPECT_EQ(report.objects_removed, 0U);
  EXPECT_FALSE(report.lost.empty());
  EXPECT_EQ(expect_restores(far_), 2U);

  const auto repository = test_.open();
  RepairReport repaired;
  ObjectStore* const copies[] = {&far_};
  ASSERT_TRUE(heal_from_copies(*repository, copies, true, repaired, {}));
  EXPECT_EQ(repaired.healed.size(), report.lost.size()) << "a dry run only tells";
  repaired = {};
  ASSERT_TRUE(heal_from_copies(*repository, copies, false, repaired, {}));
  EXPECT_TRUE(repaired.left.empty());
  EXPECT_EQ(objects_in(disk(), ""), before);
  EXPECT_EQ(expect_restores(disk()), 2U);
  EXPECT_TRUE(sync().is_complete());
}

TEST_F(Replica, IsNotEmptiedByAPruneAfterATheft) {
  back_up("monday", 1);
  back_up("tuesday", 2);
  sync();
  // Without its snapshot monday's data is garbage to the primary, and the prune is an honest one.
  ASSERT_TRUE(disk().remove(objects_in(disk(), "snap/").front()));
  prune_now(disk());
  prune_now(disk());
  const SyncReport report = sync();
  EXPECT_FALSE(report.is_complete());
  EXPECT_EQ(report.objects_removed, 0U);
  EXPECT_EQ(expect_restores(far_), 2U);
}

TEST_F(Replica, DoesNotBringBackWhatWasPruned) {
  back_up("monday", 1);
  back_up("tuesday", 2);
  sync();
  prune_now(disk());
  prune_now(disk());
  const auto before = objects_in(disk(), "");
  const auto repository = test_.open();
  RepairReport repaired;
  ObjectStore* const copies[] = {&far_};
  ASSERT_TRUE(heal_from_copies(*repository, copies, false, repaired, {}));
  EXPECT_TRUE(repaired.healed.empty()) << repaired.healed.front();
  EXPECT_EQ(objects_in(disk(), ""), before);
}

TEST_F(Replica, GetsHealedBytesAndNoDamage) {
  back_up("monday", 1);
  const auto packs = objects_in(disk(), "pack/");
  ASSERT_GE(packs.size(), 2U);
  const Bytes whole = *disk().get(packs[0], ByteCount{1 << 30});
  ASSERT_TRUE(
      disk().damage(packs[0], [](Bytes& bytes) { bytes[bytes.size() / 3] ^= std::byte{1}; }));
  damage_beyond_parity(disk(), packs[1]);
  const SyncReport report = sync();
  EXPECT_EQ(*far_.get(packs[0], ByteCount{1 << 30}), whole);
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_EQ(report.damaged[0].object, packs[1]);
  EXPECT_FALSE(far_.stat(packs[1]));
}

TEST_F(Replica, HealsAndIsHealed) {
  back_up("monday", 1);
  sync();
  const auto packs = objects_in(disk(), "pack/");
  ASSERT_TRUE(far_.damage(packs[0], truncate_to(100)));
  EXPECT_EQ(sync().healed, std::vector<std::string>{packs[0]});
  EXPECT_EQ(expect_restores(far_), 1U);

  damage_beyond_parity(disk(), packs[0]);
  const auto repository = test_.open();
  Progress progress;
  auto report = repair(disk(), repository.get(), false, 1, progress, {});
  ASSERT_TRUE(report);
  ASSERT_EQ(report->left.size(), 1U);
  ObjectStore* const copies[] = {&far_};
  ASSERT_TRUE(heal_from_copies(*repository, copies, false, *report, {}));
  EXPECT_TRUE(report->left.empty());
  EXPECT_EQ(report->healed, std::vector<std::string>{packs[0]});
  EXPECT_EQ(expect_restores(disk()), 1U);
}

TEST_F(Replica, GivesWhatIsDamagedBeyondParityToAReader) {
  back_up("monday", 1);
  sync();
  for (const ObjectKey& key : objects_in(disk(), "pack/"))
    if (key < "pack/8") {
      damage_beyond_parity(disk(), key);
    } else {
      ASSERT_TRUE(far_.remove(key));
    }
  std::vector<std::unique_ptr<ObjectStore>> stores;
  stores.push_back(std::make_unique<FaultyStore>(disk()));
  stores.push_back(std::make_unique<FaultyStore>(far_));
  ReplicatedStore both{std::move(stores), {}};
  EXPECT_EQ(expect_restores(both), 1U);
}

}  // namespace
}  // namespace reprieve::repository
