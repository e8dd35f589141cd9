#include "repository/verify.hpp"

#include <gtest/gtest.h>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/reindex.hpp"
#include "repository/internal/test_repository.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::repository {
namespace {

/// Stores a small directory: two files, one in a sub-directory, one of many chunks in a list.
Result<Snapshot> back_up_tree(Repository& repository, std::uint64_t seed) {
  Progress progress;
  REPRIEVE_TRY(auto session,
               WriteSession::begin(repository, TestRepository::small_packs(), progress));
  const auto contents = TestRepository::contents(seed, 8);
  std::vector<ChunkRef> refs;
  std::vector<ChunkId> ids;
  for (const Bytes& content : contents) {
    REPRIEVE_TRY(const ChunkId id, session->put(ChunkType::kData, content));
    refs.push_back({.id = id, .length = static_cast<std::uint32_t>(content.size())});
    ids.push_back(id);
  }
  REPRIEVE_TRY(const ChunkId list, session->put(ChunkType::kList, encode_list(refs), ids));
  Entry large;
  large.name = "large";
  large.content.size = 1;
  large.content.list = ListRef{.id = list, .depth = 1};
  const Entry inner_entries[] = {large};
  REPRIEVE_TRY(const ChunkId inner,
               session->put(ChunkType::kTree, encode_tree(inner_entries), std::span{&list, 1}));
  Entry directory;
  directory.name = "/srv/data";
  directory.type = EntryType::kDirectory;
  directory.directory = ListRef{.id = inner, .depth = 0};
  Entry file;
  file.name = "/srv/file";
  file.content.size = contents[0].size();
  file.content.chunks = {refs[0]};
  const Entry root_entries[] = {directory, file};
  const ChunkId children[] = {inner, refs[0].id};
  REPRIEVE_TRY(const ChunkId root,
               session->put(ChunkType::kTree, encode_tree(root_entries), children));
  return session->commit({.id = root, .depth = 0}, {}, {});
}

class VerifyTest : public ::testing::TestWithParam<VerifyLevel> {
 protected:
  VerifyTest() : repository_{made_.open()} {
    auto first = back_up_tree(*repository_, 1);
    REPRIEVE_ASSERT(first);
    auto second = back_up_tree(*repository_, 2);
    REPRIEVE_ASSERT(second);
    snapshots_ = {*std::move(first), *std::move(second)};
  }
  VerifyReport run(VerifyLevel level) {
    repository_ = made_.open();
    auto report = verify(*repository_, level, 2, progress_, never_);
    REPRIEVE_ASSERT(report);
    return *std::move(report);
  }
  [[nodiscard]] ObjectKey name_of(std::size_t snapshot) const {
    return snapshot_key(snapshots_[snapshot].writer, snapshots_[snapshot].seq);
  }
  /// The pack that holds a chunk.
  ObjectKey pack_of(const ChunkId& id) {
    const auto place = repository_->index().find(id);
    REPRIEVE_ASSERT(place);
    return pack_key(repository_->index().frame(place->frame).pack);
  }

  TestRepository made_;
  std::unique_ptr<Repository> repository_;
  std::vector<Snapshot> snapshots_;
  Progress progress_;
  CancelToken never_;
};

INSTANTIATE_TEST_SUITE_P(EveryLevel, VerifyTest,
                         ::testing::Values(VerifyLevel::kList, VerifyLevel::kIndex,
                                           VerifyLevel::kReach, VerifyLevel::kShards,
                                           VerifyLevel::kData));

TEST_P(VerifyTest, FindsNothingWrongInAHealthyRepository) {
  const VerifyReport report = run(GetParam());
  EXPECT_TRUE(report.damages.empty()) << report.damages[0].object << report.damages[0].what;
  EXPECT_EQ(report.snapshots, 2U);
  EXPECT_GT(report.objects, 0U);
}

TEST_P(VerifyTest, TellsOfAPackThatIsGone) {
  const ObjectKey key = pack_of(snapshots_[0].root.id);
  ASSERT_TRUE(made_.disk.remove(key));
  const VerifyReport report = run(GetParam());
  EXPECT_EQ(std::ranges::count(report.damages, key, &Damage::object), 1);
  const bool names_snapshot = std::ranges::count(report.damages, name_of(0), &Damage::object) == 1;
  EXPECT_EQ(names_snapshot, GetParam() >= VerifyLevel::kReach);
}

TEST_P(VerifyTest, TellsOfAPackThatIsCutOff) {
  const ObjectKey key = pack_of(snapshots_[0].root.id);
  ASSERT_TRUE(made_.disk.damage(key, [](Bytes& b) { b.resize(b.size() - 1); }));
  const VerifyReport report = run(GetParam());
  ASSERT_GE(std::ranges::count(report.damages, key, &Damage::object), 1);
  EXPECT_TRUE(std::ranges::find(report.damages, key, &Damage::object)->is_healable);
}

TEST_P(VerifyTest, TellsOfADamagedCopyOfASnapshot) {
  ASSERT_TRUE(made_.disk.damage(name_of(1), [](Bytes& b) { b[30] ^= std::byte{1}; }));
  const VerifyReport report = run(GetParam());
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_EQ(report.damages[0].object, name_of(1));
  EXPECT_TRUE(report.damages[0].is_healable);
}

TEST_P(VerifyTest, TellsOfASnapshotThatVanishedFromTheMiddleOfItsChain) {
  ASSERT_TRUE(made_.disk.remove(name_of(0)));
  const VerifyReport report = run(GetParam());
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_EQ(report.damages[0].object, name_of(0));
  EXPECT_FALSE(report.damages[0].is_healable);
}

TEST_P(VerifyTest, AcceptsAGapThatATombExplains) {
  Tomb tomb;
  tomb.repository = repository_->id();
  tomb.signer = repository_->keys().writer_id();
  tomb.what = Tomb::What::kSnapshot;
  tomb.writer = snapshots_[0].writer;
  tomb.seq = snapshots_[0].seq;
  tomb.snapshot = snapshots_[0].id;
  tomb.previous = snapshots_[0].previous;
  const Bytes record = encode_tomb(tomb, repository_->keys().signing_key());
  ASSERT_TRUE(made_.disk.put(id_key(kTombPrefix, crypto::sha256(record)), encode_twin(record)));
  ASSERT_TRUE(made_.disk.remove(name_of(0)));
  const VerifyReport report = run(GetParam());
  EXPECT_TRUE(report.damages.empty()) << report.damages[0].what;
}

TEST_P(VerifyTest, TellsOfAnIndexThatIsDamagedAndMissesNothingThatTrailersKnow) {
  const ObjectKey key = made_.objects(kIndexPrefix).at(0);
  ASSERT_TRUE(made_.disk.damage(key, [](Bytes& b) { b[40] ^= std::byte{1}; }));
  const VerifyReport report = run(GetParam());
  ASSERT_EQ(std::ranges::count(report.damages, key, &Damage::object), 1);
  EXPECT_TRUE(std::ranges::all_of(report.damages, &Damage::is_healable));
  EXPECT_EQ(std::ranges::count(report.damages, name_of(0), &Damage::object), 0);
}

TEST_F(VerifyTest, TellsOfPacksThatNoIndexKnowsAndTheirRebuiltIndexAnswersIt) {
  for (const ObjectKey& key : made_.objects(kIndexPrefix))
    ASSERT_TRUE(made_.disk.remove(key));
  const VerifyReport report = run(VerifyLevel::kReach);
  EXPECT_EQ(report.damages.size(), made_.objects(kPackPrefix).size());
  EXPECT_TRUE(std::ranges::all_of(report.damages, &Damage::is_healable));

  const auto dry = rebuild_indexes(*repository_, /*dry_run=*/true);
  ASSERT_TRUE(dry);
  EXPECT_EQ(dry->packs, made_.objects(kPackPrefix).size());
  EXPECT_TRUE(made_.objects(kIndexPrefix).empty());
  const auto rebuilt = rebuild_indexes(*repository_, /*dry_run=*/false);
  ASSERT_TRUE(rebuilt);
  EXPECT_EQ(rebuilt->indexes, made_.objects(kIndexPrefix));
  made_.disk.lose_unsynced();
  EXPECT_TRUE(run(VerifyLevel::kData).damages.empty());
}

TEST_F(VerifyTest, TellsOfAListThatRefersToAChunkOfAnotherLength) {
  Progress progress;
  auto session = WriteSession::begin(*repository_, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  const auto data = (*session)->put(ChunkType::kData, as_bytes("twelve bytes"));
  ASSERT_TRUE(data);
  Entry file;
  file.name = "/f";
  file.content.size = 13;
  file.content.chunks = {{.id = *data, .length = 13}};
  const auto root =
      (*session)->put(ChunkType::kTree, encode_tree({&file, 1}), std::span{&*data, 1});
  ASSERT_TRUE(root);
  const auto snapshot = (*session)->commit({.id = *root, .depth = 0}, {}, {});
  ASSERT_TRUE(snapshot);
  const VerifyReport report = run(VerifyLevel::kReach);
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_EQ(report.damages[0].object, snapshot_key(snapshot->writer, snapshot->seq));
  EXPECT_NE(report.damages[0].what.find("another length"), std::string::npos);
}

TEST_F(VerifyTest, CallsPacksOfASessionThatCrashedBeforeItsIndexARemark) {
  const auto indexes = made_.objects(kIndexPrefix);
  const auto crashed = back_up_tree(*repository_, 3);
  ASSERT_TRUE(crashed);
  ASSERT_TRUE(made_.disk.remove(snapshot_key(crashed->writer, crashed->seq)));
  for (const ObjectKey& key : made_.objects(kIndexPrefix)) {
    if (std::ranges::count(indexes, key) != 0) continue;
    ASSERT_TRUE(made_.disk.remove(key));
  }
  const VerifyReport report = run(VerifyLevel::kIndex);
  EXPECT_TRUE(report.damages.empty()) << report.damages[0].what;
  ASSERT_EQ(report.remarks.size(), 1U);
  EXPECT_NE(report.remarks[0].find("never finished"), std::string::npos);
}

TEST_F(VerifyTest, StopsWhenAsked) {
  CancelToken cancelled;
  cancelled.request();
  const auto report = verify(*repository_, VerifyLevel::kReach, 2, progress_, cancelled);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace reprieve::repository
