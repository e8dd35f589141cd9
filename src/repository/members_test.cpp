#include "repository/members.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/test_repository.hpp"
#include "repository/verify.hpp"

namespace reprieve::repository {
namespace {

class Members : public ::testing::Test {
 protected:
  static UnlockKey key_of(std::uint64_t seed) {
    SeededRandom random{seed};
    return {Secret{}, crypto::random_secret(random)};
  }
  std::unique_ptr<Repository> open_as(std::uint64_t seed) {
    auto opened = Repository::open(test_.disk, key_of(seed), test_.random, test_.clock, {});
    EXPECT_TRUE(opened) << opened.error().what;
    return opened ? *std::move(opened) : nullptr;
  }
  void add(Role role, const std::string& name, std::uint64_t seed) {
    const auto added = add_member(*test_.open(), role, name, key_of(seed));
    ASSERT_TRUE(added) << added.error().what;
  }

  TestRepository test_;
};

TEST_F(Members, AWriterAddsWhatAnAdminRestores) {
  add(Role::kWriter, "web1", 7);
  const auto contents = TestRepository::contents(1);
  const auto writer = open_as(7);
  EXPECT_EQ(writer->role(), Role::kWriter);
  const auto snapshot = test_.back_up(*writer, contents, "point");
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  const auto admin = test_.open();
  EXPECT_EQ(*test_.restore(*admin, *snapshot), contents);
}

TEST_F(Members, AStolenWriterKeyReadsNothing) {
  const auto snapshot = test_.back_up(*test_.open(), TestRepository::contents(1), "point");
  ASSERT_TRUE(snapshot);
  add(Role::kWriter, "web1", 7);
  const auto thief = open_as(7);
  EXPECT_FALSE(thief->keys().can_read());
  const auto list = thief->snapshots();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->snapshots.size(), 1U);
  EXPECT_TRUE(list->snapshots[0].description.name.empty()) << "names are not for writers";
  ChunkReader reader{*thief, 1};
  const auto tree = reader.read(ChunkType::kList, list->snapshots[0].root.id, 1 << 20);
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().kind, ErrorKind::kDenied);
}

TEST_F(Members, AStolenWriterKeyGivesNoAccessAndTakesNone) {
  add(Role::kWriter, "web1", 7);
  const auto thief = open_as(7);
  EXPECT_EQ(add_member(*thief, Role::kAdmin, "mallory", key_of(9)).error().kind,
            ErrorKind::kDenied);
  EXPECT_EQ(revoke_member(*thief, "admin").error().kind, ErrorKind::kDenied);
  EXPECT_EQ(remove_slot(*thief, "").error().kind, ErrorKind::kDenied);
  EXPECT_EQ(thief->keys().root_key(), nullptr);
}

TEST_F(Members, APrunerNeitherReadsNorWrites) {
  add(Role::kPruner, "gc", 7);
  const auto pruner = open_as(7);
  EXPECT_FALSE(pruner->keys().can_read());
  EXPECT_FALSE(pruner->keys().can_write());
  EXPECT_TRUE(pruner->keys().signer(pruner->keys().writer_id())->may_prune);
  EXPECT_EQ(test_.back_up(*pruner, TestRepository::contents(1), "point").error().kind,
            ErrorKind::kDenied);
}

TEST_F(Members, AReaderRestoresAndChangesNothing) {
  const auto contents = TestRepository::contents(1);
  const auto snapshot = test_.back_up(*test_.open(), contents, "point");
  ASSERT_TRUE(snapshot);
  add(Role::kReader, "auditor", 7);
  const auto reader = open_as(7);
  EXPECT_EQ(*test_.restore(*reader, *snapshot), contents);
  EXPECT_FALSE(reader->keys().can_sign());
  EXPECT_EQ(test_.back_up(*reader, contents, "point").error().kind, ErrorKind::kDenied);
}

TEST_F(Members, WhatARevokedWriterMadeStaysAndWhatItMakesDoesNotCount) {
  add(Role::kWriter, "web1", 7);
  const auto writer = open_as(7);  // A thief who goes on with what was open.
  ASSERT_TRUE(test_.back_up(*writer, TestRepository::contents(1), "point"));
  ASSERT_TRUE(revoke_member(*test_.open(), "web1"));
  ASSERT_TRUE(test_.back_up(*writer, TestRepository::contents(2), "point"));
  const auto list = test_.open()->snapshots();
  ASSERT_TRUE(list);
  EXPECT_EQ(list->snapshots.size(), 1U);
  EXPECT_EQ(list->damaged.size(), 1U);
  EXPECT_FALSE(open_as(7)->keys().can_write());
  EXPECT_TRUE(members(*test_.open())[1].is_revoked);
}

TEST_F(Members, OneWriterDoesNotRelyOnWhatAnotherClaimsToHold) {
  add(Role::kWriter, "web1", 7);
  add(Role::kWriter, "web2", 8);
  const auto contents = TestRepository::contents(1);
  ASSERT_TRUE(test_.back_up(*open_as(7), contents, "point"));
  const auto again = test_.back_up(*open_as(7), contents, "point");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->statistics.bytes_new, 0U) << "on its own it does";
  const auto other = test_.back_up(*open_as(8), contents, "point");
  ASSERT_TRUE(other);
  EXPECT_GT(other->statistics.bytes_new, 0U);
  EXPECT_EQ(*test_.restore(*test_.open(), *other), contents);
}

TEST_F(Members, NamesAreTakenOnceAndTheLastAdminStays) {
  add(Role::kWriter, "web1", 7);
  EXPECT_EQ(add_member(*test_.open(), Role::kWriter, "web1", key_of(8)).error().kind,
            ErrorKind::kInvalid);
  EXPECT_EQ(revoke_member(*test_.open(), "admin").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(revoke_member(*test_.open(), "nobody").error().kind, ErrorKind::kNotFound);
  add(Role::kAdmin, "second", 9);
  EXPECT_TRUE(revoke_member(*test_.open(), "admin"));
}

TEST_F(Members, ANameThatNoReaderWouldAcceptIsRefusedBeforeItIsWritten) {
  const auto admin = test_.open();
  EXPECT_EQ(add_member(*admin, Role::kWriter, std::string(65, 'n'), key_of(7)).error().kind,
            ErrorKind::kInvalid);
  EXPECT_EQ(
      add_member(*admin, Role::kWriter, "web1", key_of(7), {}, std::string(161, 'h')).error().kind,
      ErrorKind::kInvalid);
  EXPECT_EQ(members(*test_.open()).size(), 1U);
  ASSERT_TRUE(add_member(*admin, Role::kWriter, std::string(64, 'n'), key_of(7), {},
                         std::string(160, 'h')));
  EXPECT_EQ(open_as(7)->role(), Role::kWriter);
}

TEST_F(Members, TwoChangesAtOnceDoNotLoseOne) {
  const auto first = test_.open();
  const auto second = test_.open();
  ASSERT_TRUE(add_member(*first, Role::kWriter, "web1", key_of(7)));
  EXPECT_EQ(add_member(*second, Role::kWriter, "web2", key_of(8)).error().kind,
            ErrorKind::kConflict);
  EXPECT_EQ(members(*test_.open()).size(), 2U);
}

TEST_F(Members, ARemovedSlotOpensNothingAndTheLastOneStays) {
  add(Role::kReader, "auditor", 7);
  const auto slots = test_.open()->slots();
  ASSERT_EQ(slots->size(), 2U);
  const auto auditor = std::ranges::find(*slots, "reader auditor", &SlotSummary::label);
  ASSERT_NE(auditor, slots->end());
  ASSERT_TRUE(remove_slot(*test_.open(), auditor->id));
  EXPECT_EQ(Repository::open(test_.disk, key_of(7), test_.random, test_.clock, {}).error().kind,
            ErrorKind::kDenied);
  EXPECT_EQ(remove_slot(*test_.open(), test_.open()->slots()->front().id).error().kind,
            ErrorKind::kConflict);
}

}  // namespace
}  // namespace reprieve::repository
