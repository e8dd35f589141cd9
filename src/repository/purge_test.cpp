#include <gtest/gtest.h>

#include <algorithm>

#include "repository/internal/compaction.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/test_repository.hpp"
#include "repository/members.hpp"
#include "repository/prune.hpp"

namespace reprieve::repository {
namespace {

using Contents = TestRepository::Contents;

/// Bytes of a point's own that no other has.
constexpr std::string_view kSecret = "the diagnosis of Mrs Huber, which nobody may keep";

/// Two points whose small contents share frames; the first alone has the secret.
class Purge : public ::testing::Test {
 protected:
  Purge() : shared_{TestRepository::contents(1)} {
    Contents with_secret = shared_;
    with_secret.insert(with_secret.begin() + 3, copy_of(as_bytes(kSecret)));
    const auto repository = test_.open();
    EXPECT_TRUE(TestRepository::back_up(*repository, with_secret, "first"));
    test_.clock.sleep_for(std::chrono::hours{48});
    EXPECT_TRUE(TestRepository::back_up(*repository, shared_, "second"));
  }

  PruneReport run(Repository& as, double unused_max) {
    PruneOptions options;
    options.rules[""] = {RetentionRule{.last = 1, .min_age = Duration{0}}};
    options.unused_max = unused_max;
    const CancelToken never;
    auto report = prune(as, options, never);
    EXPECT_TRUE(report) << report.error().what;
    return report ? *std::move(report) : PruneReport{};
  }

  /// What a thief with every key sees: the plaintext of each frame of each pack.
  bool is_anywhere(std::string_view text) {
    const auto repository = test_.open();
    const KeyRing& keys = repository->keys();
    for (const ObjectKey& name : test_.objects("pack/")) {
      const auto id = pack_id_in_key(name);
      const auto pack = read_proved_pack(*repository, *id);
      EXPECT_TRUE(pack) << name;
      for (const PackContents::Frame& at : pack->contents.frames) {
        const SessionKeyEntry& key = pack->contents.keys[at.key];
        const auto shared = keys.open_session(key);
        EXPECT_TRUE(shared);
        Bytes raw;
        EXPECT_TRUE(open_frame(
            *shared,
            {repository->id(), key.epoch, pack->contents.pack_type, at.codec, at.raw_length},
            at.salt, ByteView{pack->body}.subspan(at.offset, at.sealed_length), raw));
        if (std::ranges::search(raw, as_bytes(text)).begin() != raw.end()) return true;
      }
    }
    return false;
  }

  void expect_second_restores() {
    const auto repository = test_.open();
    const auto list = repository->snapshots();
    ASSERT_TRUE(list);
    ASSERT_EQ(list->snapshots.size(), 1U);
    const auto restored = TestRepository::restore(*repository, list->snapshots[0]);
    ASSERT_TRUE(restored) << restored.error().what;
    EXPECT_EQ(*restored, shared_);
  }

  TestRepository test_;
  const Contents shared_;
};

TEST_F(Purge, LeavesNoByteOfTheDeadInFramesThatTheLivingShare) {
  ASSERT_TRUE(is_anywhere(kSecret));
  run(*test_.open(), 0.3);
  EXPECT_TRUE(is_anywhere(kSecret)) << "or this test cannot fail";
  EXPECT_GT(run(*test_.open(), 0).packs_copied, 0U);
  EXPECT_FALSE(is_anywhere(kSecret));
  expect_second_restores();
}

TEST_F(Purge, HasNothingToDoASecondTime) {
  run(*test_.open(), 0);
  const auto before = test_.objects("pack/");
  EXPECT_EQ(run(*test_.open(), 0).packs_copied, 0U);
  EXPECT_EQ(test_.objects("pack/"), before);
  expect_second_restores();
}

TEST_F(Purge, WithAPrunersKeyKeepsFramesWholeAndEnds) {
  SeededRandom random{7};
  const Secret secret = crypto::random_secret(random);
  ASSERT_TRUE(add_member(*test_.open(), Role::kPruner, "gc", {Secret{}, secret.clone()}));
  const auto pruner =
      Repository::open(test_.disk, {Secret{}, secret.clone()}, test_.random, test_.clock, {});
  ASSERT_TRUE(pruner);
  run(*test_.open(), 0.3);  // A pruner cannot tell which points go.
  run(**pruner, 0);
  const PruneReport last = run(**pruner, 0);
  EXPECT_EQ(last.packs_copied, 0U);
  ASSERT_EQ(last.points.size(), 1U);
  EXPECT_EQ(last.points[0].verdict.reason, "this key cannot read of which source it is");
  EXPECT_TRUE(is_anywhere(kSecret))
      << "it cannot read frames, so it must not say that they are clean";
  expect_second_restores();
  run(*test_.open(), 0);
  EXPECT_FALSE(is_anywhere(kSecret)) << "an administrator's run finds what other runs left";
  expect_second_restores();
}

TEST_F(Purge, WorksAcrossARotation) {
  ASSERT_TRUE(rotate_keys(*test_.open()));
  run(*test_.open(), 0);
  EXPECT_FALSE(is_anywhere(kSecret));
  expect_second_restores();
}

}  // namespace
}  // namespace reprieve::repository
