#include <gtest/gtest.h>

#include <algorithm>

#include "repository/internal/config.hpp"
#include "repository/internal/handover.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/test_repository.hpp"
#include "repository/internal/unlock.hpp"
#include "repository/members.hpp"
#include "repository/prune.hpp"
#include "repository/recipient.hpp"
#include "repository/verify.hpp"
#include "storage/faulty/crashing_store.hpp"

namespace reprieve::repository {
namespace {

constexpr std::uint64_t kReader = 7;
constexpr std::uint64_t kWriter = 8;
constexpr std::uint64_t kPruner = 9;
constexpr std::uint64_t kStranger = 10;

UnlockKey key_of(std::uint64_t seed) {
  SeededRandom random{seed};
  return {Secret{}, crypto::random_secret(random)};
}

class RotationTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Repository>> try_open_as(std::uint64_t seed) {
    return Repository::open(test_.disk, key_of(seed), test_.random, test_.clock, {});
  }
  std::unique_ptr<Repository> open_as(std::uint64_t seed) {
    auto opened = try_open_as(seed);
    EXPECT_TRUE(opened) << opened.error().what;
    return opened ? *std::move(opened) : nullptr;
  }
  void add(Role role, const std::string& name, std::uint64_t seed) {
    const auto added = add_member(*test_.open(), role, name, key_of(seed));
    ASSERT_TRUE(added) << added.error().what;
  }
  Rotation rotate() {
    auto rotation = rotate_keys(*test_.open());
    EXPECT_TRUE(rotation) << rotation.error().what;
    return rotation ? *rotation : Rotation{};
  }
  /// A reader as earlier versions made them: with a slot, and no member.
  void add_reader_of_old(std::uint64_t seed) {
    const auto admin = test_.open();
    const Credentials& all = admin->keys().credentials();
    Credentials own;
    own.role = Role::kReader;
    own.repository = all.repository;
    own.root_public = all.root_public;
    own.chunk_id_key = all.chunk_id_key.clone();
    own.chunker_key = all.chunker_key.clone();
    own.metadata_keys.push_back({1, all.metadata_keys[0].secret.clone()});
    own.reading_keys.push_back({1, all.reading_keys[0].secret.clone()});
    const SlotOptions options{.label = "reader old", .created = {}, .cost = {}};
    ASSERT_TRUE(put_slots(test_.disk, key_of(seed), own, options, test_.random));
  }
  Snapshot back_up(Repository& as, const TestRepository::Contents& contents) {
    const auto snapshot = TestRepository::back_up(as, contents, "point");
    EXPECT_TRUE(snapshot) << snapshot.error().what;
    return snapshot ? *snapshot : Snapshot{};
  }

  TestRepository test_;
  const TestRepository::Contents before_ = TestRepository::contents(1);
  const TestRepository::Contents after_ = TestRepository::contents(2);
};

TEST_F(RotationTest, EverybodyWhoIsNotRevokedGoesOnWithTheKeyThatHeHas) {
  add(Role::kReader, "auditor", kReader);
  add(Role::kWriter, "web1", kWriter);
  add(Role::kPruner, "gc", kPruner);
  const Snapshot old_point = back_up(*open_as(kWriter), before_);
  const Rotation rotation = rotate();
  EXPECT_EQ(rotation.epoch, 2U);
  EXPECT_EQ(rotation.members, (std::vector<std::string>{"admin", "auditor", "web1", "gc"}));
  EXPECT_TRUE(rotation.left_behind.empty());
  const Snapshot new_point = back_up(*open_as(kWriter), after_);
  for (const auto& reader : {open_as(kReader), test_.open()}) {
    const auto list = reader->snapshots();
    ASSERT_TRUE(list);
    EXPECT_EQ(list->snapshots.size(), 2U);
    EXPECT_TRUE(list->sealed_off.empty());
    EXPECT_EQ(*TestRepository::restore(*reader, old_point), before_);
    EXPECT_EQ(*TestRepository::restore(*reader, new_point), after_);
  }
  const CancelToken never;
  EXPECT_TRUE(prune(*open_as(kPruner), {}, never));
  Progress progress;
  const auto verified = verify(*test_.open(), VerifyLevel::kData, 1, progress, never);
  ASSERT_TRUE(verified) << verified.error().what;
  for (const Damage& damage : verified->damages)  // The contents of these points are no trees.
    EXPECT_NE(damage.what.find("of the chunks that it needs"), std::string::npos) << damage.what;
}

TEST_F(RotationTest, TheRevokedReadersThiefReadsNothingThatIsWrittenAfterwards) {
  add(Role::kReader, "auditor", kReader);
  const Snapshot old_point = back_up(*test_.open(), before_);
  ASSERT_TRUE(revoke_member(*test_.open(), "auditor"));
  const Rotation rotation = rotate();
  EXPECT_EQ(rotation.members, std::vector<std::string>{"admin"});
  const Snapshot new_point = back_up(*test_.open(), after_);
  const auto thief = open_as(kReader);
  ASSERT_TRUE(thief) << "its slot was not removed";
  EXPECT_EQ(*TestRepository::restore(*thief, old_point), before_) << "what it had it keeps";
  EXPECT_FALSE(TestRepository::restore(*thief, new_point));
  const auto list = thief->snapshots();
  ASSERT_TRUE(list);
  EXPECT_EQ(list->snapshots.size(), 1U);
  EXPECT_EQ(list->sealed_off,
            std::vector<std::string>{snapshot_key(new_point.writer, new_point.seq)});
  const auto& keys = thief->keys();
  EXPECT_EQ(keys.credentials().metadata_keys.size(), 1U);
  EXPECT_EQ(keys.credentials().reading_keys.size(), 1U);
  // With the store in its hands it tries every session key that is published there.
  const auto admin = test_.open();
  std::size_t sealed_sessions = 0;
  for (const Index::PackRow& row : admin->index().packs()) {
    const auto label = parse_label(row.label);
    ASSERT_TRUE(label);
    for (const SessionKeyEntry& entry : label->keys) {
      EXPECT_EQ(bool{keys.open_session(entry)}, entry.epoch == 1);
      sealed_sessions += entry.epoch == 2 ? 1 : 0;
      SessionKeyEntry relabelled = entry;
      relabelled.epoch = 1;
      EXPECT_EQ(bool{keys.open_session(relabelled)}, entry.epoch == 1);
    }
  }
  EXPECT_GT(sealed_sessions, 0U);
}

TEST_F(RotationTest, TheThiefIsNotHandedKeysInAnyConfigThatThereIs) {
  add(Role::kReader, "auditor", kReader);
  add(Role::kReader, "other", kStranger);
  rotate();
  ASSERT_TRUE(revoke_member(*test_.open(), "auditor"));
  rotate();
  const auto thief = open_as(kReader);
  const auto own = crypto::SigningKey::from_seed(thief->keys().credentials().signing_seed);
  ASSERT_TRUE(own);
  const auto highest = [&](const Credentials& credentials) {
    return credentials.reading_keys.back().epoch;
  };
  EXPECT_EQ(highest(thief->keys().credentials()), 1U) << "the newest config has nothing for it";
  EXPECT_EQ(highest(open_as(kStranger)->keys().credentials()), 3U);
  // Somebody else's share, taken for its own.
  const Config& config = thief->keys().config();
  ASSERT_EQ(config.handovers.size(), 2U);
  for (Config::Handover handover : config.handovers) {
    EXPECT_FALSE(take_over(handover, config, *own));
    handover.member = writer_id_of(own->public_key());
    EXPECT_FALSE(take_over(handover, config, *own));
  }
}

TEST_F(RotationTest, TheRevokedWritersThiefLearnsNothingMoreAndIsNotBelieved) {
  add(Role::kWriter, "web1", kWriter);
  const auto session = open_as(kWriter);  // Opened before, and kept.
  ASSERT_TRUE(revoke_member(*test_.open(), "web1"));
  rotate();
  back_up(*test_.open(), after_);
  ASSERT_TRUE(TestRepository::back_up(*session, before_, "forged")) << "the store takes it";
  const auto list = test_.open()->snapshots();
  ASSERT_TRUE(list);
  EXPECT_EQ(list->snapshots.size(), 1U);
  EXPECT_EQ(list->damaged.size(), 1U) << "and nobody believes it";
  const auto thief = open_as(kWriter);
  EXPECT_EQ(thief->snapshots()->sealed_off.size(), 1U);
  EXPECT_EQ(TestRepository::back_up(*thief, before_, "x").error().kind, ErrorKind::kDenied);
}

TEST_F(RotationTest, AReaderFromBeforeReadersWereMembersIsToldWhatToDo) {
  add_reader_of_old(kReader);
  const Snapshot old_point = back_up(*test_.open(), before_);
  EXPECT_EQ(rotate().left_behind, std::vector<std::string>{"reader old"});
  back_up(*test_.open(), after_);
  const auto reader = open_as(kReader);
  ASSERT_TRUE(reader);
  EXPECT_EQ(*TestRepository::restore(*reader, old_point), before_);
  EXPECT_EQ(reader->snapshots()->sealed_off.size(), 1U);
  EXPECT_TRUE(list_holds(*reader));
  const auto told = reader->keys().check_is_current();
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().kind, ErrorKind::kDenied);
  EXPECT_NE(told.error().hint.find("repo keys add"), std::string::npos);
  Progress progress;
  const CancelToken never;
  EXPECT_EQ(verify(*reader, VerifyLevel::kData, 1, progress, never).error().kind,
            ErrorKind::kDenied)
      << "what it cannot open is no damage";
}

TEST_F(RotationTest, ASessionThatBeganBeforeEndsWellWithTheOldKeys) {
  add(Role::kWriter, "web1", kWriter);
  const auto writer = open_as(kWriter);
  Progress progress;
  auto session = WriteSession::begin(*writer, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  EXPECT_EQ(rotate().sessions, 1U);
  const Snapshot newer = back_up(*test_.open(), after_);  // The session chains to it nevertheless.
  const auto id = (*session)->put(ChunkType::kData, as_bytes("written across the rotation"));
  ASSERT_TRUE(id);
  const ChunkRef ref{*id, 27};
  const auto root = (*session)->put(ChunkType::kList, encode_list({&ref, 1}), {&*id, 1});
  ASSERT_TRUE(root);
  const auto point = (*session)->commit({*root, 1}, {}, {});
  ASSERT_TRUE(point) << point.error().what;
  const auto restored = TestRepository::restore(*test_.open(), *point);
  ASSERT_TRUE(restored);
  EXPECT_EQ(as_text((*restored)[0]), "written across the rotation");
  EXPECT_EQ(*TestRepository::restore(*test_.open(), newer), after_);
  EXPECT_EQ(test_.open()->snapshots()->snapshots.size(), 2U);
}

TEST_F(RotationTest, TwiceIsTwoEpochsAndAMemberMayMissOne) {
  add(Role::kReader, "auditor", kReader);
  const Snapshot first = back_up(*test_.open(), before_);
  EXPECT_EQ(rotate().epoch, 2U);
  const Snapshot second = back_up(*test_.open(), after_);
  EXPECT_EQ(rotate().epoch, 3U);
  const Snapshot third = back_up(*test_.open(), TestRepository::contents(3));
  const auto reader = open_as(kReader);  // For the first time since epoch 1.
  EXPECT_EQ(*TestRepository::restore(*reader, first), before_);
  EXPECT_EQ(*TestRepository::restore(*reader, second), after_);
  EXPECT_EQ(*TestRepository::restore(*reader, third), TestRepository::contents(3));
}

TEST_F(RotationTest, WhoIsAddedAfterwardsReadsEverythingAndIsHandedTheNextKeysToo) {
  const Snapshot first = back_up(*test_.open(), before_);
  rotate();
  add(Role::kReader, "auditor", kReader);
  const Snapshot second = back_up(*test_.open(), after_);
  EXPECT_EQ(*TestRepository::restore(*open_as(kReader), first), before_);
  EXPECT_EQ(*TestRepository::restore(*open_as(kReader), second), after_);
  rotate();
  const Snapshot third = back_up(*test_.open(), TestRepository::contents(3));
  EXPECT_EQ(*TestRepository::restore(*open_as(kReader), third), TestRepository::contents(3));
}

TEST_F(RotationTest, OldAndNewLieTogetherAfterAPrune) {
  const Snapshot first = back_up(*test_.open(), before_);
  rotate();
  TestRepository::Contents mixed = before_;
  mixed.resize(mixed.size() / 2);
  mixed.insert(mixed.end(), after_.begin(), after_.end());
  test_.clock.sleep_for(std::chrono::hours{48});
  const Snapshot second = back_up(*test_.open(), mixed);
  PruneOptions options;
  options.rules[""] = {RetentionRule{.last = 1, .min_age = Duration{0}}};
  options.unused_max = 0;
  const CancelToken never;
  const auto pruned = prune(*test_.open(), options, never);
  ASSERT_TRUE(pruned) << pruned.error().what;
  EXPECT_EQ(pruned->points_removed, 1U);
  EXPECT_GT(pruned->packs_copied, 0U) << "frames of both epochs in one pack";
  EXPECT_EQ(*TestRepository::restore(*test_.open(), second), mixed);
}

TEST_F(RotationTest, OnlyAnAdminRotatesAndNoneThatWasRevoked) {
  add(Role::kWriter, "web1", kWriter);
  add(Role::kReader, "auditor", kReader);
  EXPECT_EQ(rotate_keys(*open_as(kWriter)).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(rotate_keys(*open_as(kReader)).error().kind, ErrorKind::kDenied);
  add(Role::kAdmin, "second", kStranger);
  ASSERT_TRUE(revoke_member(*test_.open(), "second"));
  EXPECT_EQ(rotate_keys(*open_as(kStranger)).error().kind, ErrorKind::kDenied);
}

TEST_F(RotationTest, OfTwoAdminsAtOnceOneWinsAndTheOtherIsTold) {
  add(Role::kAdmin, "second", kStranger);
  const auto first = test_.open();
  const auto second = open_as(kStranger);
  ASSERT_TRUE(rotate_keys(*first));
  EXPECT_EQ(rotate_keys(*second).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(rotate_keys(*open_as(kStranger))->epoch, 3U) << "opened anew it may";
  const Snapshot point = back_up(*test_.open(), after_);
  EXPECT_EQ(*TestRepository::restore(*open_as(kStranger), point), after_);
}

TEST_F(RotationTest, CrashingAtAnyWriteLeavesTheOldKeysOrTheNewOnes) {
  for (const CrashingCall last_call : {CrashingCall::kUndone, CrashingCall::kDone}) {
    bool has_finished = false;
    for (int writes = 0; !has_finished; ++writes) {
      ASSERT_LT(writes, 10);
      TestRepository test;
      const auto first = TestRepository::back_up(*test.open(), before_, "first");
      ASSERT_TRUE(first);
      CrashingStore store{test.disk, writes, {UnsyncedAtCrash::kByChance, last_call, 3}};
      const auto opened = test.open(store);
      ASSERT_TRUE(opened);
      const auto rotated = rotate_keys(**opened);
      has_finished = bool{rotated};
      EXPECT_NE(has_finished, store.has_crashed());
      test.disk.lose_unsynced();
      EXPECT_EQ(*TestRepository::restore(*test.open(), *first), before_);
      if (has_finished) {
        EXPECT_EQ(test.open()->keys().config().epochs.size(), 2U);
      }
      const auto again = rotate_keys(*test.open());
      ASSERT_TRUE(again) << again.error().what;
      const auto second = TestRepository::back_up(*test.open(), after_, "second");
      ASSERT_TRUE(second);
      EXPECT_EQ(*TestRepository::restore(*test.open(), *second), after_);
    }
  }
}

TEST_F(RotationTest, ARecipientOpensItsSlotBeforeAndAfter) {
  SeededRandom random{kReader};
  const Secret secret = crypto::random_secret(random);
  UnlockKey sealed_to;
  sealed_to.recipient = recipient_key(secret).public_key();
  ASSERT_TRUE(add_member(*test_.open(), Role::kReader, "safe", sealed_to));
  const Snapshot first = back_up(*test_.open(), before_);
  EXPECT_EQ(*TestRepository::restore(*open_as(kReader), first), before_);
  rotate();
  const Snapshot second = back_up(*test_.open(), after_);
  EXPECT_EQ(*TestRepository::restore(*open_as(kReader), second), after_);
  EXPECT_EQ(try_open_as(kStranger).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(Repository::open(test_.disk, sealed_to, test_.random, test_.clock, {}).error().kind,
            ErrorKind::kDenied)
      << "the public half opens nothing";
}

}  // namespace
}  // namespace reprieve::repository
