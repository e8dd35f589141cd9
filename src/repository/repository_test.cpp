#include "repository/repository.hpp"

#include <gtest/gtest.h>

#include "io/temporary_folder.hpp"
#include "repository/internal/config.hpp"
#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/index_store.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/snapshot_store.hpp"
#include "repository/internal/test_repository.hpp"
#include "storage/faulty/crashing_store.hpp"

namespace reprieve::repository {
namespace {

constexpr crypto::KdfCost kCheapest{.memory_kib = 8 * 1024, .passes = 1};

UnlockKey passphrase(std::string_view text) {
  UnlockKey key;
  key.passphrase = Secret::copy_of(as_bytes(text));
  return key;
}

class RepositoryTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Repository>> open(const UnlockKey& key) {
    return Repository::open(made_.disk, key, made_.random, made_.clock, {});
  }
  Snapshot back_up(std::uint64_t seed) {
    const auto repository = made_.open();
    auto snapshot = TestRepository::back_up(*repository, TestRepository::contents(seed), "x");
    REPRIEVE_ASSERT(snapshot);
    return *std::move(snapshot);
  }
  /// Flips a byte of one copy, or of both.
  void damage(const ObjectKey& key, bool both) {
    REPRIEVE_ASSERT(made_.disk.damage(key, [&](Bytes& bytes) {
      bytes[20] ^= std::byte{1};
      if (both) bytes[bytes.size() / 2 + 20] ^= std::byte{1};
    }));
  }
  /// Signs and stores a tomb or config as an admin would.
  void delete_snapshot(const Repository& repository, const Snapshot& snapshot) {
    Tomb tomb;
    tomb.repository = repository.id();
    tomb.signer = repository.keys().writer_id();
    tomb.what = Tomb::What::kSnapshot;
    tomb.writer = snapshot.writer;
    tomb.seq = snapshot.seq;
    tomb.snapshot = snapshot.id;
    tomb.previous = snapshot.previous;
    const Bytes record = encode_tomb(tomb, repository.keys().signing_key());
    REPRIEVE_ASSERT(
        made_.disk.put(id_key(kTombPrefix, crypto::sha256(record)), encode_twin(record)));
  }

  TestRepository made_;
};

TEST_F(RepositoryTest, OpensWithTheKeyThatItWasMadeWith) {
  EXPECT_TRUE(*is_repository(made_.disk));
  const auto repository = made_.open();
  EXPECT_EQ(repository->role(), Role::kAdmin);
  EXPECT_EQ(repository->chunker_parameters(), ChunkerParameters{});
  EXPECT_TRUE(repository->keys().can_write());
  EXPECT_TRUE(repository->keys().can_read());
  EXPECT_TRUE(repository->snapshots()->snapshots.empty());
}

TEST_F(RepositoryTest, IsDurableWhenCreateReturns) {
  made_.disk.lose_unsynced();
  EXPECT_TRUE(made_.open(made_.disk));
}

TEST_F(RepositoryTest, DeniesAWrongKeyWithAHint) {
  UnlockKey wrong;
  wrong.key_file_secret = Secret{32};
  const auto opened = open(wrong);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kDenied);
  EXPECT_EQ(opened.error().what, "no slot opens with this key");
  EXPECT_FALSE(opened.error().hint.empty());
  EXPECT_EQ(open(UnlockKey{}).error().kind, ErrorKind::kDenied);
}

TEST_F(RepositoryTest, IsNotFoundInAnEmptyStore) {
  MemoryStore empty;
  EXPECT_FALSE(*is_repository(empty));
  const auto opened = made_.open(empty);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(opened.error().hint.find("reprieve init"), std::string::npos);
}

TEST_F(RepositoryTest, IsNotMadeOverAnotherOrOverRemainsOfOne) {
  const auto again =
      Repository::create(made_.disk, TestRepository::unlock_key(), made_.random, made_.clock);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
  back_up(1);
  ASSERT_TRUE(made_.disk.remove(config_key(1)));
  const auto remains =
      Repository::create(made_.disk, TestRepository::unlock_key(), made_.random, made_.clock);
  ASSERT_FALSE(remains);
  EXPECT_EQ(remains.error().kind, ErrorKind::kConflict);
}

TEST_F(RepositoryTest, IsNotMadeWithoutAKey) {
  MemoryStore empty;
  const auto created = Repository::create(empty, UnlockKey{}, made_.random, made_.clock);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(empty.object_count(), 0U);
}

TEST_F(RepositoryTest, IsHealedByASecondInitAfterACrashAtAnyWrite) {
  bool finished = false;
  for (int writes = 0; !finished; ++writes) {
    ASSERT_LT(writes, 20);
    SCOPED_TRACE("crash after write " + std::to_string(writes));
    MemoryStore disk;
    CrashingStore failing{disk, writes, {.unsynced = UnsyncedAtCrash::kKept}};
    const UnlockKey key = TestRepository::unlock_key();
    finished = bool{Repository::create(failing, key, made_.random, made_.clock)};
    if (!*is_repository(disk)) {
      ASSERT_TRUE(Repository::create(disk, key, made_.random, made_.clock));
    }
    const auto opened = made_.open(disk);
    ASSERT_TRUE(opened) << opened.error().what;
    EXPECT_EQ((*opened)->slots()->size(), 1U) << "slots of the first try are not ours";
  }
}

TEST_F(RepositoryTest, OpensWithEachOfSeveralPassphrasesAndKeyFiles) {
  const auto repository = made_.open();
  ASSERT_TRUE(repository->add_slot(passphrase("first"), "laptop", kCheapest));
  ASSERT_TRUE(repository->add_slot(passphrase("second"), "safe", kCheapest));
  EXPECT_EQ(repository->add_slot(UnlockKey{}, "none").error().kind, ErrorKind::kInvalid);
  made_.disk.lose_unsynced();
  EXPECT_TRUE(open(passphrase("first")));
  EXPECT_TRUE(open(passphrase("second")));
  EXPECT_TRUE(open(TestRepository::unlock_key()));
  EXPECT_EQ(open(passphrase("third")).error().kind, ErrorKind::kDenied);
  const auto slots = repository->slots();
  ASSERT_TRUE(slots);
  ASSERT_EQ(slots->size(), 3U);
  EXPECT_EQ(std::ranges::count(*slots, "passphrase", &SlotSummary::kind), 2);
  EXPECT_EQ(std::ranges::count(*slots, "safe", &SlotSummary::label), 1);
}

TEST_F(RepositoryTest, OpensThoughOneCopyOfEachTwinIsDamaged) {
  for (const std::string_view prefix : {kConfigPrefix, kSlotPrefix}) {
    for (const ObjectKey& key : made_.objects(prefix))
      damage(key, /*both=*/false);
  }
  EXPECT_TRUE(made_.open(made_.disk));
}

TEST_F(RepositoryTest, OpensThoughAnotherSlotIsLostWholly) {
  const auto repository = made_.open();
  const ObjectKey first = made_.objects(kSlotPrefix).at(0);
  ASSERT_TRUE(repository->add_slot(passphrase("spare"), "spare", kCheapest));
  damage(first, /*both=*/true);
  EXPECT_TRUE(open(passphrase("spare")));
  const auto lost = open(TestRepository::unlock_key());
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kDenied);
  EXPECT_NE(lost.error().what.find("1 of the slots are damaged"), std::string::npos);
}

TEST_F(RepositoryTest, SaysThatItIsCorruptWhenNoSlotOrNoConfigIsLeft) {
  damage(made_.objects(kSlotPrefix).at(0), /*both=*/true);
  const auto no_slot = made_.open(made_.disk);
  ASSERT_FALSE(no_slot);
  EXPECT_EQ(no_slot.error().kind, ErrorKind::kCorrupt);

  TestRepository other{2};
  ASSERT_TRUE(other.disk.damage(config_key(1), [](Bytes& b) { b.resize(10); }));
  const auto no_config = other.open(other.disk);
  ASSERT_FALSE(no_config);
  EXPECT_EQ(no_config.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(no_config.error().what.find("config/00000001"), std::string::npos);
}

TEST_F(RepositoryTest, BelievesNoConfigThatItsRootDidNotSign) {
  TestRepository thief{2};
  const auto foreign = thief.disk.get(config_key(1), ByteCount{100'000});
  ASSERT_TRUE(foreign);
  ASSERT_TRUE(made_.disk.damage(config_key(1), [&](Bytes& b) { b = *foreign; }));
  const auto opened = made_.open(made_.disk);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
}

TEST_F(RepositoryTest, AsksForANewerVersionByTheFeatureThatItLacks) {
  const auto repository = made_.open();
  Config config = repository->keys().config();
  config.generation = 2;
  config.required_features = {"lunar-parity"};
  const Bytes record = encode_config(config, *repository->keys().root_key());
  ASSERT_TRUE(made_.disk.put(config_key(2), encode_twin(record)));
  const auto opened = made_.open(made_.disk);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(opened.error().what.find("lunar-parity"), std::string::npos);
}

TEST_F(RepositoryTest, TakesTheNewestConfigThatVerifies) {
  const auto repository = made_.open();
  Config config = repository->keys().config();
  config.generation = 2;
  config.chunker.page_bytes = 8192;
  const Bytes record = encode_config(config, *repository->keys().root_key());
  ASSERT_TRUE(made_.disk.put(config_key(2), encode_twin(record)));
  EXPECT_EQ(made_.open()->chunker_parameters().page_bytes, 8192U);
  damage(config_key(2), /*both=*/true);
  EXPECT_EQ(made_.open()->chunker_parameters().page_bytes, 32U * 1024);
}

TEST_F(RepositoryTest, ListsSnapshotsOldestFirstWithoutDeletedAndDamagedOnes) {
  const Snapshot first = back_up(1);
  made_.clock.sleep_for(std::chrono::hours{1});
  const Snapshot second = back_up(2);
  made_.clock.sleep_for(std::chrono::hours{1});
  const Snapshot third = back_up(3);
  const auto repository = made_.open();
  auto list = repository->snapshots();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->snapshots.size(), 3U);
  EXPECT_EQ(list->snapshots[0].id, first.id);
  EXPECT_EQ(list->snapshots[2].id, third.id);
  EXPECT_EQ(list->snapshots[1].previous, first.id);

  delete_snapshot(*repository, second);
  damage(snapshot_key(third.writer, third.seq), /*both=*/true);
  list = repository->snapshots();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->snapshots.size(), 1U);
  EXPECT_EQ(list->damaged, std::vector<std::string>{snapshot_key(third.writer, third.seq)});
  const auto head = latest_head(made_.disk, repository->keys(), third.writer);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->seq, 3U) << "a damaged snapshot still holds its place";
}

TEST_F(RepositoryTest, RestoresWithIndexesFromItsCacheAndDropsDamagedEntries) {
  const Snapshot snapshot = back_up(1);
  const auto folder = io::TemporaryFolder::create();
  ASSERT_TRUE(folder);
  const OpenOptions options{.cache_dir = folder->path()};
  const auto restore_with_cache = [&] {
    auto opened = Repository::open(made_.disk, TestRepository::unlock_key(), made_.random,
                                   made_.clock, options);
    REPRIEVE_ASSERT(opened);
    return TestRepository::restore(**opened, snapshot);
  };
  ASSERT_EQ(*restore_with_cache(), TestRepository::contents(1));
  std::vector<std::filesystem::path> entries;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder->path()}) {
    if (entry.is_regular_file()) entries.push_back(entry.path());
  }
  ASSERT_FALSE(entries.empty());
  for (const auto& entry : entries)
    std::filesystem::resize_file(entry, 100);
  EXPECT_EQ(*restore_with_cache(), TestRepository::contents(1));
  // From here on the store's own copy is not asked: the cache has all of it.
  for (const ObjectKey& key : made_.objects(kIndexPrefix))
    ASSERT_TRUE(made_.disk.damage(key, [](Bytes& b) { b[50] ^= std::byte{1}; }));
  EXPECT_EQ(*restore_with_cache(), TestRepository::contents(1));
}

TEST_F(RepositoryTest, RestoresThoughAllIndexesAreLostOrDamaged) {
  const Snapshot first = back_up(1);
  const Snapshot second = back_up(2);
  const auto indexes = made_.objects(kIndexPrefix);
  ASSERT_GE(indexes.size(), 2U);
  ASSERT_TRUE(made_.disk.damage(indexes[0], [](Bytes& b) { b[50] ^= std::byte{1}; }));
  {
    const auto repository = made_.open();
    EXPECT_EQ(repository->index_store().damaged(), std::vector<std::string>{indexes[0]});
    EXPECT_EQ(*TestRepository::restore(*repository, first), TestRepository::contents(1));
    EXPECT_EQ(*TestRepository::restore(*repository, second), TestRepository::contents(2));
  }
  for (const ObjectKey& key : indexes)
    ASSERT_TRUE(made_.disk.remove(key));
  const auto repository = made_.open();
  EXPECT_EQ(*TestRepository::restore(*repository, first), TestRepository::contents(1));
}

TEST_F(RepositoryTest, SeesWhatOthersWroteAfterARefresh) {
  const auto repository = made_.open();
  const Snapshot snapshot = back_up(1);
  EXPECT_FALSE(repository->index().find(snapshot.root.id));
  ASSERT_TRUE(repository->refresh());
  EXPECT_TRUE(repository->index().find(snapshot.root.id));
  for (const ObjectKey& key : made_.objects(kIndexPrefix))
    ASSERT_TRUE(made_.disk.remove(key));
  for (const ObjectKey& key : made_.objects(kPackPrefix))
    ASSERT_TRUE(made_.disk.remove(key));
  ASSERT_TRUE(repository->refresh());
  EXPECT_FALSE(repository->index().find(snapshot.root.id));
}

}  // namespace
}  // namespace reprieve::repository
