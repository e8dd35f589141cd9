#include <gtest/gtest.h>

#include <algorithm>

#include "repository/chunk_reader.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/loss_record.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/test_repository.hpp"
#include "repository/prune.hpp"
#include "repository/verify.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::repository {
namespace {

using Contents = TestRepository::Contents;

/// Stores each content as a file of one folder: verification walks trees.
Result<Snapshot> back_up(Repository& repository, const Contents& contents, std::string name) {
  Progress progress;
  REPRIEVE_TRY(auto session,
               WriteSession::begin(repository, TestRepository::small_packs(), progress));
  std::vector<Entry> entries;
  std::vector<ChunkId> ids;
  for (const Bytes& content : contents) {
    REPRIEVE_TRY(const ChunkId id, session->put(ChunkType::kData, content));
    Entry& entry = entries.emplace_back();
    entry.name = std::to_string(100 + ids.size());  // As many digits for all: sorted.
    entry.content.size = content.size();
    entry.content.chunks = {{id, static_cast<std::uint32_t>(content.size())}};
    ids.push_back(id);
  }
  REPRIEVE_TRY(const ChunkId root, session->put(ChunkType::kTree, encode_tree(entries), ids));
  Description description;
  description.name = std::move(name);
  return session->commit({root, 0}, {}, description);
}

Result<Contents> restore(const Repository& repository, const Snapshot& point) {
  ChunkReader reader{repository, 2};
  REPRIEVE_TRY(const Bytes bytes, reader.read(ChunkType::kTree, point.root.id, kTreeBytesMax));
  REPRIEVE_TRY(const Tree tree, parse_tree(bytes, /*is_root=*/true));
  Contents all;
  for (const Entry& entry : tree.entries) {
    REPRIEVE_TRY(Bytes content, reader.read(ChunkType::kData, entry.content.chunks.front().id,
                                            static_cast<std::size_t>(entry.content.size)));
    all.push_back(std::move(content));
  }
  return all;
}

/// Points of the same contents, a pack of which is destroyed beyond what parity gives back.
class LostPack : public testing::Test {
 protected:
  void SetUp() override {
    repository_ = test_.open();
    ASSERT_TRUE(back_up(*repository_, contents_, "old"));
    repository_ = test_.open();
  }
  /// All but label and trailer of the pack that holds most.
  ObjectKey destroy_a_data_pack() {
    ObjectKey largest;
    std::size_t bytes_max = 0;
    for (const ObjectKey& key : test_.objects("pack/")) {
      const auto bytes = test_.disk.get(key, ByteCount{1 << 30});
      EXPECT_TRUE(bytes);
      if (bytes->size() > bytes_max) largest = key;
      bytes_max = std::max(bytes_max, bytes->size());
    }
    EXPECT_TRUE(test_.disk.damage(largest, [](Bytes& bytes) {
      const std::size_t end = bytes.size() * 9 / 10;
      for (std::size_t i = 4096; i < end; i += 512)
        bytes[i] ^= std::byte{1};
    }));
    return largest;
  }
  RepairReport run_repair(bool dry_run = false) {
    Progress progress;
    auto report = repair(test_.disk, repository_.get(), dry_run, 2, progress, {});
    EXPECT_TRUE(report) << (report ? "" : report.error().what);
    if (!report) return {};
    EXPECT_TRUE(mark_losses(*repository_, dry_run, *report));
    return *std::move(report);
  }
  VerifyReport run_verify(VerifyLevel level = VerifyLevel::kData) {
    Progress progress;
    auto report = verify(*test_.open(), level, 2, progress, {});
    EXPECT_TRUE(report) << (report ? "" : report.error().what);
    return report ? *std::move(report) : VerifyReport{};
  }
  void expect_undamaged(VerifyLevel level = VerifyLevel::kData) {
    for (const Damage& damage : run_verify(level).damages)
      ADD_FAILURE() << damage.object << ": " << damage.what;
  }
  void expect_every_point_restores() {
    const auto repository = test_.open();
    const auto list = repository->snapshots();
    ASSERT_TRUE(list);
    for (const Snapshot& point : list->snapshots) {
      const auto restored = restore(*repository, point);
      ASSERT_TRUE(restored) << restored.error().what;
      EXPECT_EQ(*restored, contents_);
    }
  }

  TestRepository test_;
  Contents contents_ = TestRepository::contents(1);
  std::unique_ptr<Repository> repository_;
};

TEST_F(LostPack, IsMarkedAndBroughtBackByTheNextBackupForEveryPoint) {
  const ObjectKey pack = destroy_a_data_pack();
  const VerifyReport before = run_verify();
  ASSERT_FALSE(before.damages.empty());
  EXPECT_TRUE(std::ranges::any_of(before.damages, [](const Damage& damage) {
    return damage.object.starts_with("snap/");
  })) << "who verifies is told which point is concerned";

  const RepairReport report = run_repair();
  ASSERT_EQ(report.lost.packs.size(), 1U);
  EXPECT_EQ(pack_key(*report.lost.packs.begin()), pack);
  EXPECT_TRUE(report.is_marked);
  EXPECT_FALSE(report.lost.chunks.empty());
  EXPECT_EQ(test_.objects("loss/").size(), 1U);
  const VerifyReport marked = run_verify();
  ASSERT_EQ(marked.damages.size(), 1U);
  EXPECT_TRUE(marked.damages[0].object.starts_with("snap/"));

  ASSERT_TRUE(back_up(*test_.open(), contents_, "new"));

  expect_every_point_restores();
  expect_undamaged();
  expect_undamaged(VerifyLevel::kReach);
  repository_ = test_.open();
  const RepairReport after = run_repair();
  EXPECT_TRUE(after.lost.chunks.empty());
  EXPECT_EQ(test_.objects("loss/").size(), 1U) << "it was marked already";
  const auto packs = test_.objects("pack/");
  EXPECT_TRUE(std::ranges::binary_search(packs, pack)) << "repair deletes nothing";
}

TEST_F(LostPack, StaysUsedByBackupsUntilItIsMarked) {
  destroy_a_data_pack();
  run_repair(/*dry_run=*/true);
  EXPECT_TRUE(test_.objects("loss/").empty());
  ASSERT_TRUE(back_up(*test_.open(), contents_, "new"));
  EXPECT_FALSE(run_verify().damages.empty());
}

TEST_F(LostPack, IsGivenUpByPruneOnceItsChunksStandElsewhere) {
  const ObjectKey pack = destroy_a_data_pack();
  run_repair();
  ASSERT_TRUE(back_up(*test_.open(), contents_, "new"));
  for (int runs = 0; runs < 3; ++runs) {
    const auto pruned = prune(*test_.open(), {}, {});
    ASSERT_TRUE(pruned) << pruned.error().what;
  }
  const auto packs = test_.objects("pack/");
  EXPECT_FALSE(std::ranges::binary_search(packs, pack));
  expect_every_point_restores();
  expect_undamaged();
  repository_ = test_.open();
  EXPECT_TRUE(run_repair().lost.packs.empty());
}

TEST_F(LostPack, IsNotPrunedWhileAPointNeedsWhatIsLeftOfIt) {
  const ObjectKey pack = destroy_a_data_pack();
  run_repair();
  for (int runs = 0; runs < 2; ++runs)
    ASSERT_TRUE(prune(*test_.open(), {}, {}));
  const auto packs = test_.objects("pack/");
  EXPECT_TRUE(std::ranges::binary_search(packs, pack));
}

TEST_F(LostPack, IsMarkedNoLongerOnceItIsWholeAgain) {
  const ObjectKey pack = destroy_a_data_pack();
  run_repair();
  ASSERT_TRUE(test_.disk.damage(pack, [&](Bytes& bytes) {
    for (std::size_t i = 4096; i < bytes.size() * 9 / 10; i += 512)
      bytes[i] ^= std::byte{1};
  }));
  run_repair();
  const auto losses = read_losses(test_.disk, repository_->keys());
  ASSERT_TRUE(losses);
  EXPECT_TRUE(losses->empty());
  EXPECT_EQ(test_.objects("loss/").size(), 2U);
  expect_undamaged();
}

TEST_F(LostPack, CountsForNothingWithoutTheSignatureOfAMember) {
  SeededRandom random{99};
  const auto stranger = crypto::SigningKey::generate(random);
  LossRecord loss;
  loss.repository = repository_->id();
  loss.signer = writer_id_of(stranger.public_key());
  loss.subject.fill(std::byte{5});
  const Bytes record = encode_loss(loss, stranger);
  EXPECT_TRUE(parse_loss(record));
  EXPECT_FALSE(parse_loss(ByteView{record}.first(record.size() - 1)));
  ASSERT_TRUE(test_.disk.put(id_key(kLossPrefix, crypto::sha256(record)), record));
  const auto losses = read_losses(test_.disk, repository_->keys());
  ASSERT_TRUE(losses);
  EXPECT_TRUE(losses->empty());
}

}  // namespace
}  // namespace reprieve::repository
