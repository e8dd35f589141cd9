#include "repository/internal/verify_data.hpp"

#include <gtest/gtest.h>

#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/pack_builder.hpp"
#include "repository/internal/test_repository.hpp"

namespace reprieve::repository {
namespace {

class VerifyData : public testing::Test {
 protected:
  void SetUp() override {
    repository_ = test_.open();
    ASSERT_TRUE(TestRepository::back_up(*repository_, TestRepository::contents(1), "x"));
  }
  VerifyReport verify() {
    Progress progress;
    VerifyReport report;
    const auto done = verify_data(*repository_, 2, progress, {}, nullptr, report);
    EXPECT_TRUE(done);
    return report;
  }
  /// Puts a pack of one frame into the store, as a faulty writer might.
  void put_pack(ChunkType type, ByteView plain, const ChunkId& id, std::vector<ChunkId> children) {
    const std::uint8_t pack_type = type == ChunkType::kData ? kDataPack : kTreePack;
    const auto session = repository_->keys().new_session(test_.random);
    ASSERT_TRUE(session);
    PackBuilder builder{pack_type, {session->entry}, 0};
    FrameBinding binding{repository_->id(), session->entry.epoch, pack_type, Codec::kStored, 0};
    PackContents::Chunk chunk{
        id, type, 0, 0, static_cast<std::uint32_t>(plain.size()), std::move(children)};
    builder.add(seal_frame(session->shared, binding, test_.random, plain, 1), 0, {chunk});
    const FinishedPack pack = std::move(builder).finish(repository_->keys(), {}, test_.random);
    ASSERT_TRUE(test_.disk.put(pack_key(pack.contents.id), pack.object()));
  }

  TestRepository test_;
  std::unique_ptr<Repository> repository_;
};

TEST_F(VerifyData, FindsEveryChunkRight) {
  const VerifyReport report = verify();
  EXPECT_TRUE(report.damages.empty());
  EXPECT_EQ(report.chunks, repository_->index().chunk_count());
  EXPECT_EQ(report.objects, test_.objects("pack/").size());
}

TEST_F(VerifyData, ReportsDamageThatParityHealsAndGoesOn) {
  const ObjectKey key = test_.objects("pack/").at(0);
  ASSERT_TRUE(test_.disk.damage(key, [](Bytes& bytes) { bytes[700] ^= std::byte{1}; }));
  const VerifyReport report = verify();
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_EQ(report.damages[0].object, key);
  EXPECT_TRUE(report.damages[0].is_healable);
  EXPECT_EQ(report.chunks, repository_->index().chunk_count());
}

TEST_F(VerifyData, ReportsWhatIsLost) {
  const ObjectKey key = test_.objects("pack/").at(0);
  ASSERT_TRUE(test_.disk.damage(key, [](Bytes& bytes) { bytes.resize(10); }));
  const VerifyReport report = verify();
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_FALSE(report.damages[0].is_healable);
  EXPECT_LT(report.chunks, repository_->index().chunk_count());
}

TEST_F(VerifyData, FindsAChunkThatIsNotWhatItsIdPromises) {
  put_pack(ChunkType::kData, as_bytes("abc"), ChunkId{}, {});
  const VerifyReport report = verify();
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_NE(report.damages[0].what.find("not what its id promises"), std::string::npos);
}

TEST_F(VerifyData, FindsAChildThatTheTrailerHidesFromGarbageCollection) {
  const Bytes list = encode_list(std::vector<ChunkRef>{{ChunkId{}, 5}});
  const ChunkId id = repository_->keys().chunk_id(ChunkType::kList, list);
  put_pack(ChunkType::kList, list, id, {ChunkId{}});
  EXPECT_TRUE(verify().damages.empty());
  put_pack(ChunkType::kList, list, id, {});
  const VerifyReport report = verify();
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_NE(report.damages[0].what.find("child"), std::string::npos);
}

TEST_F(VerifyData, FindsATreeThatDoesNotParse) {
  const ChunkId id = repository_->keys().chunk_id(ChunkType::kTree, as_bytes("no tree"));
  put_pack(ChunkType::kTree, as_bytes("no tree"), id, {});
  EXPECT_EQ(verify().damages.size(), 1U);
}

TEST_F(VerifyData, FindsAPackThatNobodyHereHasSigned) {
  TestRepository other{2};
  const auto stranger = other.open();
  ASSERT_TRUE(TestRepository::back_up(*stranger, TestRepository::contents(1, 1), "y"));
  const ObjectKey key = other.objects("pack/").at(0);
  const auto bytes = other.disk.get(key, ByteCount{1 << 20});
  ASSERT_TRUE(bytes);
  ASSERT_TRUE(test_.disk.put(key, *bytes));
  const VerifyReport report = verify();
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_EQ(report.damages[0].object, key);
}

}  // namespace
}  // namespace reprieve::repository
