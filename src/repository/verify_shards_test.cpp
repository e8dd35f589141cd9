#include <gtest/gtest.h>

#include <algorithm>

#include "repository/internal/test_repository.hpp"
#include "repository/internal/verify_data.hpp"
#include "repository/verify.hpp"
#include "storage/faulty/faulty_store.hpp"

namespace reprieve::repository {
namespace {

class VerifyShards : public testing::Test {
 protected:
  void SetUp() override {
    const auto repository = test_.open();
    ASSERT_TRUE(TestRepository::back_up(*repository, TestRepository::contents(1), "x"));
  }
  VerifyReport verify(ObjectStore& store) {
    Progress progress;
    auto report = verify_shards(store, 2, progress, {});
    EXPECT_TRUE(report);
    EXPECT_EQ(progress.bytes, progress.bytes_total);
    return report ? *std::move(report) : VerifyReport{};
  }
  void expect_one_damage(const ObjectKey& key, bool is_healable) {
    const VerifyReport report = verify(test_.disk);
    ASSERT_EQ(report.damages.size(), 1U) << key;
    EXPECT_EQ(report.damages[0].object, key);
    EXPECT_NE(report.damages[0].what, "");
    EXPECT_EQ(report.damages[0].is_healable, is_healable) << report.damages[0].what;
  }
  void flip(const ObjectKey& key, std::size_t at) {
    ASSERT_TRUE(test_.disk.damage(key, [&](Bytes& bytes) { bytes[at] ^= std::byte{1}; }));
  }

  TestRepository test_;
};

TEST_F(VerifyShards, FindsNothingInAnUndamagedStore) {
  const VerifyReport report = verify(test_.disk);
  EXPECT_TRUE(report.damages.empty());
  EXPECT_TRUE(report.remarks.empty());
  EXPECT_EQ(report.objects, test_.disk.object_count());
  EXPECT_GT(report.bytes_read, 10000U);
}

TEST_F(VerifyShards, FindsAFlippedByteInAnyObject) {
  for (const ObjectKey& key : test_.objects("")) {
    for (const std::size_t at : {20U, 400U}) {
      flip(key, at);
      // Slots and records are shorter than 400 bytes: then it is padding, and no less damaged.
      expect_one_damage(key, true);
      flip(key, at);
    }
  }
}

TEST_F(VerifyShards, FindsBothCopiesOfARecordDamaged) {
  for (const char* prefix : {"config/", "slots/", "sess/", "snap/"}) {
    const ObjectKey key = test_.objects(prefix).at(0);
    Bytes before;
    ASSERT_TRUE(test_.disk.damage(key, [&](Bytes& bytes) {
      before = bytes;
      bytes[20] ^= std::byte{1};
      bytes[bytes.size() / 2 + 20] ^= std::byte{1};
    }));
    const VerifyReport report = verify(test_.disk);
    // Without a config nobody is known who may have signed the snapshots.
    ASSERT_GE(report.damages.size(), 1U) << prefix;
    const auto found = std::ranges::find(report.damages, key, &Damage::object);
    ASSERT_NE(found, report.damages.end());
    EXPECT_FALSE(found->is_healable);
    ASSERT_TRUE(test_.disk.damage(key, [&](Bytes& bytes) { bytes = before; }));
  }
}

TEST_F(VerifyShards, FindsTruncatedObjects) {
  for (const ObjectKey& key : test_.objects("")) {
    Bytes before;
    ASSERT_TRUE(test_.disk.damage(key, [&](Bytes& bytes) {
      before = bytes;
      bytes.resize(bytes.size() - 1);
    }));
    expect_one_damage(key, true);
    // Without a config nobody is known who may have signed the others.
    if (!key.starts_with("config/")) {
      ASSERT_TRUE(test_.disk.damage(key, [&](Bytes& bytes) { bytes.clear(); }));
      expect_one_damage(key, key.starts_with("idx/"));
    }
    ASSERT_TRUE(test_.disk.damage(key, [&](Bytes& bytes) { bytes = before; }));
  }
}

TEST_F(VerifyShards, LooksTwiceBeforeItCallsAnObjectDamaged) {
  FaultyStore store{test_.disk};
  store.fail(StoreCall::kGet, 2, ErrorKind::kCorrupt);
  const VerifyReport report = verify(store);
  EXPECT_TRUE(report.damages.empty());
}

TEST_F(VerifyShards, ChecksTheProgramInTheKitByItsName) {
  const Bytes program = copy_of(as_bytes("machine code"));
  const ObjectKey key =
      "kit/reprieve-0.1.0-x86-64-" + to_hex(crypto::sha256(program)).substr(0, 16);
  ASSERT_TRUE(test_.disk.put(key, program));
  EXPECT_TRUE(verify(test_.disk).damages.empty());
  flip(key, 3);
  expect_one_damage(key, false);
}

TEST_F(VerifyShards, RemarksOnForeignObjects) {
  ASSERT_TRUE(test_.disk.put("other/thing", Bytes(10)));
  const VerifyReport report = verify(test_.disk);
  EXPECT_TRUE(report.damages.empty());
  ASSERT_EQ(report.remarks.size(), 1U);
  EXPECT_TRUE(report.remarks[0].starts_with("other/thing"));
}

TEST_F(VerifyShards, StopsWhenCancelled) {
  CancelToken cancel;
  cancel.request();
  Progress progress;
  const auto report = verify_shards(test_.disk, 1, progress, cancel);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCancelled);
}

TEST_F(VerifyShards, LeavesPacksOutWhenAsked) {
  flip(test_.objects("pack/").at(0), 20);
  Progress progress;
  VerifyReport report;
  ASSERT_TRUE(verify_objects_but_packs(test_.disk, 1, progress, {}, report));
  EXPECT_TRUE(report.damages.empty());
  EXPECT_EQ(report.objects, test_.disk.object_count() - test_.objects("pack/").size());
}

}  // namespace
}  // namespace reprieve::repository
