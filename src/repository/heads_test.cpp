#include "repository/heads.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "repository/internal/object_names.hpp"
#include "repository/internal/test_repository.hpp"
#include "repository/members.hpp"
#include "repository/prune.hpp"

namespace reprieve::repository {
namespace {

constexpr WriterId kAnna{std::byte{1}};
constexpr WriterId kBert{std::byte{2}};

SnapshotId id_of(unsigned char n) {
  SnapshotId id;
  id.bytes.fill(std::byte{n});
  return id;
}

/// A series of `count` snapshots whose ids are first, first + 1, ...
SnapshotChain chain_of(unsigned char first, unsigned count) {
  SnapshotChain chain;
  for (unsigned i = 0; i < count; ++i) {
    SnapshotLink& link = chain[i + 1];
    link.id = id_of(static_cast<unsigned char>(first + i));
    link.previous = i == 0 ? SnapshotId{} : id_of(static_cast<unsigned char>(first + i - 1));
    link.is_stored = true;
  }
  return chain;
}

/// Deletes as prune does: the record goes, the tomb stays.
void bury(SnapshotLink& link) {
  link.is_stored = false;
  link.seen.clear();
}

HeadLook look_of(SnapshotChains chains) {
  HeadLook look;
  for (const auto& [writer, chain] : chains)
    look.newest.writers[writer] = {chain.rbegin()->first, chain.rbegin()->second.id->bytes};
  look.newest.config = {3, id_of(93).bytes};
  look.newest.gc = {5, id_of(95).bytes};
  look.known_config = id_of(93).bytes;
  look.known_gc = id_of(95).bytes;
  look.chains = std::move(chains);
  return look;
}

std::vector<std::string> objects_in(const std::vector<HeadAlarm>& alarms) {
  std::vector<std::string> names;
  for (const HeadAlarm& alarm : alarms)
    names.push_back(alarm.object);
  return names;
}

using Names = std::vector<std::string>;

class JudgeHeads : public testing::Test {
 protected:
  Names judge(const Heads& known, const HeadLook& now) {
    return objects_in(judge_heads(known, now));
  }
  HeadLook then_ = look_of({{kAnna, chain_of(10, 4)}, {kBert, chain_of(20, 2)}});
  Heads known_ = merge_heads({}, then_.newest);
};

TEST_F(JudgeHeads, IsQuietAboutWhatItKnowsAndWhatIsNewer) {
  EXPECT_EQ(judge(known_, then_), Names{});
  HeadLook newer = look_of({{kAnna, chain_of(10, 6)}, {kBert, chain_of(20, 2)}});
  newer.newest.config = {4, id_of(94).bytes};
  newer.newest.gc = {7, id_of(97).bytes};
  newer.known_gc.reset();  // Plans of which nothing is left are removed.
  EXPECT_EQ(judge(known_, newer), Names{});
}

TEST_F(JudgeHeads, TellsOfAnOlderCopy) {
  const HeadLook older = look_of({{kAnna, chain_of(10, 3)}, {kBert, chain_of(20, 2)}});
  EXPECT_EQ(judge(known_, older), Names{snapshot_key(kAnna, 4)});
}

TEST_F(JudgeHeads, TellsOfAWriterWithoutAnySnapshotLeft) {
  const HeadLook without = look_of({{kAnna, chain_of(10, 4)}});
  EXPECT_EQ(judge(known_, without), Names{snapshot_key(kBert, 2)});
}

TEST_F(JudgeHeads, TellsOfAnotherRecordUnderAKnownName) {
  HeadLook forked = look_of({{kAnna, chain_of(10, 4)}, {kBert, chain_of(20, 2)}});
  forked.chains[kBert][2].id = id_of(99);
  EXPECT_EQ(judge(known_, forked), Names{snapshot_key(kBert, 2)});
}

TEST_F(JudgeHeads, TellsOfAGapWithoutKnowingAnything) {
  HeadLook gap = look_of({{kAnna, chain_of(10, 4)}});
  gap.chains[kAnna].erase(2);
  EXPECT_EQ(judge({}, gap), Names{snapshot_key(kAnna, 2)});
}

TEST_F(JudgeHeads, TellsOfALinkThatFollowsOnAnother) {
  HeadLook broken = look_of({{kAnna, chain_of(10, 4)}});
  broken.chains[kAnna][3].previous = id_of(77);
  EXPECT_EQ(judge({}, broken), Names{snapshot_key(kAnna, 3)});
}

TEST_F(JudgeHeads, ToldByAnotherWriterKnowsThatNewerPointsAreGone) {
  HeadLook cut = look_of({{kAnna, chain_of(10, 3)}, {kBert, chain_of(20, 2)}});
  cut.chains[kBert][2].seen = {{kAnna, 4, id_of(13)}};
  EXPECT_EQ(judge({}, cut), Names{snapshot_key(kAnna, 4)});
  cut.chains[kAnna] = chain_of(10, 4);
  EXPECT_EQ(judge({}, cut), Names{});
  cut.chains[kAnna][4].id = id_of(99);
  EXPECT_EQ(judge({}, cut), Names{snapshot_key(kAnna, 4)});
}

TEST_F(JudgeHeads, TakesATombForAnAnswer) {
  then_.chains[kBert][2].seen = {{kAnna, 2, id_of(11)}};
  for (const std::uint64_t seq : std::initializer_list<std::uint64_t>{1, 2, 4})
    bury(then_.chains[kAnna][seq]);
  EXPECT_EQ(judge(known_, then_), Names{});
}

TEST_F(JudgeHeads, DoesNotTakeDamageForAbsence) {
  then_.chains[kAnna][4].id.reset();
  EXPECT_EQ(judge(known_, then_), Names{});
}

TEST_F(JudgeHeads, IsNotDisturbedByWhatNeverVerified) {
  then_.chains[kBert][2].seen = {{kAnna, 9999, SnapshotId{}}};
  EXPECT_EQ(judge(known_, then_), Names{});
}

TEST_F(JudgeHeads, TellsOfAConfigThatWentBackOrAnotherWay) {
  then_.newest.config = {2, id_of(92).bytes};
  then_.known_config.reset();
  EXPECT_EQ(judge(known_, then_), Names{config_key(3)});
  then_.known_config = RecordHash{};  // There, and damaged: the older one is in force all the same.
  EXPECT_EQ(judge(known_, then_), Names{config_key(3)});
  then_.newest.config = {4, id_of(94).bytes};
  then_.known_config = id_of(1).bytes;
  EXPECT_EQ(judge(known_, then_), Names{config_key(3)});
}

TEST_F(JudgeHeads, TellsOfGarbageCollectionThatWentBackOrAnotherWay) {
  then_.newest.gc = {4, id_of(94).bytes};
  then_.known_gc.reset();
  EXPECT_EQ(judge(known_, then_), Names{gc_key(5)});
  then_.newest.gc = {5, id_of(1).bytes};
  then_.known_gc = id_of(1).bytes;
  EXPECT_EQ(judge(known_, then_), Names{gc_key(5)});
}

TEST_F(JudgeHeads, TellsOfALongGapInBoundedLength) {
  HeadLook gap = look_of({{kAnna, chain_of(10, 1)}});
  gap.chains[kAnna][1'000'000'000] = {};
  EXPECT_LE(judge({}, gap).size(), 200U);
}

TEST(MergeHeads, KeepsTheNewestThatEverVerified) {
  Heads known;
  known.writers[kAnna] = {4, id_of(13).bytes};
  known.config = {3, id_of(93).bytes};
  Heads seen;
  seen.writers[kAnna] = {5, RecordHash{}};
  seen.writers[kBert] = {1, id_of(20).bytes};
  seen.config = {2, id_of(92).bytes};

  const Heads merged = merge_heads(known, seen);

  EXPECT_EQ(merged.writers.at(kAnna), known.writers.at(kAnna));
  EXPECT_EQ(merged.writers.at(kBert), seen.writers.at(kBert));
  EXPECT_EQ(merged.config, known.config);
}

TEST(HeadDigest, StandsForEverythingThatCounts) {
  Heads heads;
  heads.config = {3, id_of(93).bytes};
  heads.writers[kAnna] = {4, id_of(13).bytes};
  const RepositoryId here{std::byte{1}};
  const std::string digest = digest_of_heads(here, heads);
  EXPECT_EQ(digest.size(), 20U);
  EXPECT_EQ(parse_head_digest(digest), digest);
  std::string spoken = digest.substr(0, 5) + "-" + digest.substr(5, 5) + " " + digest.substr(10);
  std::ranges::transform(spoken, spoken.begin(), [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  EXPECT_EQ(parse_head_digest(spoken), digest);
  EXPECT_EQ(parse_head_digest("abc"), std::nullopt);
  EXPECT_EQ(parse_head_digest(std::string(20, '0')), std::nullopt);

  Heads other = heads;
  other.writers[kAnna].n = 5;
  EXPECT_NE(digest_of_heads(here, other), digest);
  other = heads;
  other.config.id = id_of(94).bytes;
  EXPECT_NE(digest_of_heads(here, other), digest);
  EXPECT_NE(digest_of_heads(RepositoryId{}, heads), digest);
}

/// A store of its own, looked at as a client would.
class HeadLooks : public testing::Test {
 protected:
  HeadLook look(Repository& repository, const Heads& known = {}) {
    auto list = repository.snapshots();
    EXPECT_TRUE(list);
    auto taken = look_at_heads(repository, known, std::move(list->chains));
    EXPECT_TRUE(taken) << (taken ? "" : taken.error().what);
    return *std::move(taken);
  }
  Snapshot back_up(Repository& repository, std::uint64_t seed) {
    test_.clock.sleep_for(std::chrono::hours{1});
    auto made = TestRepository::back_up(repository, TestRepository::contents(seed, 4), "x");
    EXPECT_TRUE(made) << (made ? "" : made.error().what);
    return *std::move(made);
  }
  std::vector<HeadAlarm> alarms_since(const Heads& known) {
    const auto repository = test_.open();
    return judge_heads(known, look(*repository, known));
  }
  TestRepository test_;
};

TEST_F(HeadLooks, FindsNoFaultWithBackupsAndPrunes) {
  auto repository = test_.open();
  back_up(*repository, 1);
  const Heads known = merge_heads({}, look(*repository).newest);
  back_up(*repository, 2);
  back_up(*repository, 3);
  EXPECT_EQ(alarms_since(known), std::vector<HeadAlarm>{});
  PruneOptions options;
  options.rules[""] = {RetentionRule{.last = 1, .min_age = {}}};
  for (int runs = 0; runs < 3; ++runs) {
    const auto pruned = prune(*test_.open(), options, {});
    ASSERT_TRUE(pruned) << pruned.error().what;
  }
  ASSERT_EQ(test_.objects("snap/").size(), 1U);
  EXPECT_EQ(alarms_since(known), std::vector<HeadAlarm>{});
}

TEST_F(HeadLooks, FindsWhatWasTakenAway) {
  auto repository = test_.open();
  const Snapshot first = back_up(*repository, 1);
  const Snapshot second = back_up(*repository, 2);
  const Heads known = merge_heads({}, look(*repository).newest);
  ASSERT_TRUE(test_.disk.remove(snapshot_key(second.writer, second.seq)));
  EXPECT_EQ(objects_in(alarms_since(known)), Names{snapshot_key(second.writer, second.seq)});
  // Who writes on makes a fork of it, which is no less told.
  back_up(*test_.open(), 3);
  EXPECT_EQ(objects_in(alarms_since(known)), Names{snapshot_key(second.writer, second.seq)});
  EXPECT_EQ(alarms_since({}), std::vector<HeadAlarm>{}) << "who knows nothing cannot tell";
}

TEST_F(HeadLooks, SeesARevokedKeyBackInForce) {
  auto repository = test_.open();
  UnlockKey key;
  key.key_file_secret = Secret::copy_of(Bytes(32, std::byte{8}));
  ASSERT_TRUE(add_member(*repository, Role::kWriter, "web", key));
  ASSERT_TRUE(revoke_member(*test_.open(), "web"));
  const Heads known = merge_heads({}, look(*test_.open()).newest);
  EXPECT_EQ(known.config.n, 3U);
  EXPECT_EQ(alarms_since(known), std::vector<HeadAlarm>{}) << "revoking is no alarm";
  ASSERT_TRUE(test_.disk.remove(config_key(3)));
  EXPECT_EQ(objects_in(alarms_since(known)), Names{config_key(3)});
}

TEST_F(HeadLooks, LetsANewcomerSeeByOtherWritersEyes) {
  auto admin = test_.open();
  UnlockKey key;
  key.key_file_secret = Secret::copy_of(Bytes(32, std::byte{8}));
  ASSERT_TRUE(add_member(*admin, Role::kWriter, "web", key));
  back_up(*admin, 1);
  const Snapshot second = back_up(*admin, 2);
  const auto web = Repository::open(test_.disk, key, test_.random, test_.clock, {});
  ASSERT_TRUE(web);
  back_up(**web, 3);
  EXPECT_EQ(alarms_since({}), std::vector<HeadAlarm>{});
  ASSERT_TRUE(test_.disk.remove(snapshot_key(second.writer, second.seq)));
  EXPECT_EQ(objects_in(alarms_since({})), Names{snapshot_key(second.writer, second.seq)});
}

TEST_F(HeadLooks, KnowsADigestAgainAfterOthersCame) {
  auto repository = test_.open();
  back_up(*repository, 1);
  const std::string digest = digest_of_heads(repository->id(), look(*repository).newest);
  UnlockKey key;
  key.key_file_secret = Secret::copy_of(Bytes(32, std::byte{8}));
  ASSERT_TRUE(add_member(*repository, Role::kWriter, "web", key));
  repository = test_.open();
  const Snapshot second = back_up(*repository, 2);
  const std::string later = digest_of_heads(repository->id(), look(*repository).newest);
  EXPECT_NE(later, digest);
  const auto configs = read_config_hashes(*repository);
  ASSERT_TRUE(configs);
  EXPECT_EQ(configs->size(), 2U);

  const auto old = find_digest(repository->id(), look(*repository), *configs, digest);
  ASSERT_TRUE(old);
  EXPECT_EQ(old->newer, 1U);
  EXPECT_TRUE(find_digest(repository->id(), look(*repository), *configs, later));
  ASSERT_TRUE(test_.disk.remove(snapshot_key(second.writer, second.seq)));
  EXPECT_FALSE(find_digest(repository->id(), look(*repository), *configs, later));
}

}  // namespace
}  // namespace reprieve::repository
