#include "repository/internal/key_ring.hpp"

#include <gtest/gtest.h>

#include <set>

#include "repository/internal/test_keys.hpp"

namespace reprieve::repository {
namespace {

/// The same keys with `change` done to the credentials.
template <class Change>
Result<KeyRing> changed_keys(const KeyRing& keys, Config config, const Change& change) {
  auto copy = parse_credentials(encode_credentials(keys.credentials()).expose());
  REPRIEVE_ASSERT(copy);
  change(*copy);
  return KeyRing::make(*std::move(copy), config);
}

TEST(KeyRing, RefusesCredentialsOfAnotherRepositoryOrRoot) {
  const KeyRing keys = keys_for_test();
  const auto other_repository =
      changed_keys(keys, keys.config(), [](Credentials& c) { c.repository[0] ^= std::byte{1}; });
  EXPECT_EQ(other_repository.error().kind, ErrorKind::kDenied);
  const auto other_root =
      changed_keys(keys, keys.config(), [](Credentials& c) { c.root_public[0] ^= std::byte{1}; });
  EXPECT_EQ(other_root.error().kind, ErrorKind::kDenied);
}

TEST(KeyRing, OpensMetadataOnlyForItsKindAndAssociatedData) {
  const KeyRing keys = keys_for_test();
  SeededRandom random{2};
  const Bytes sealed = keys.seal_metadata(random, 4, as_bytes("clear"), as_bytes("secret"));
  const auto opened = keys.open_metadata(4, as_bytes("clear"), sealed);
  ASSERT_TRUE(opened);
  EXPECT_EQ(as_text(*opened), "secret");
  EXPECT_EQ(keys.open_metadata(9, as_bytes("clear"), sealed).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(keys.open_metadata(4, as_bytes("other"), sealed).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(keys.open_metadata(4, as_bytes("clear"), ByteView{sealed}.first(40)).error().kind,
            ErrorKind::kCorrupt);
  const auto without =
      changed_keys(keys, keys.config(), [](Credentials& c) { c.metadata_keys.front().epoch = 8; });
  ASSERT_TRUE(without);
  EXPECT_EQ(without->open_metadata(4, as_bytes("clear"), sealed).error().kind, ErrorKind::kDenied);
  EXPECT_FALSE(without->can_write());
}

TEST(KeyRing, GivesAReaderTheWritersSessionSecret) {
  const KeyRing keys = keys_for_test();
  SeededRandom random{2};
  const auto session = keys.new_session(random);
  ASSERT_TRUE(session);
  const auto shared = keys.open_session(session->entry);
  ASSERT_TRUE(shared);
  EXPECT_EQ(copy_of(shared->expose()), copy_of(session->shared.expose()));
}

TEST(KeyRing, RefusesASessionWhoseCommitmentDoesNotFit) {
  const KeyRing keys = keys_for_test();
  SeededRandom random{2};
  auto session = keys.new_session(random);
  ASSERT_TRUE(session);
  session->entry.commitment[3] ^= std::byte{1};
  EXPECT_EQ(keys.open_session(session->entry).error().kind, ErrorKind::kCorrupt);
  session->entry.ephemeral = {};  // A point of small order.
  EXPECT_EQ(keys.open_session(session->entry).error().kind, ErrorKind::kCorrupt);
}

TEST(KeyRing, LetsAWriterWithoutReadingKeysWriteButNotRead) {
  const KeyRing keys = keys_for_test();
  const auto writer = changed_keys(keys, keys.config(), [](Credentials& c) {
    c.reading_keys.clear();
    c.root_seed = Secret{};
  });
  ASSERT_TRUE(writer);
  EXPECT_TRUE(writer->can_write());
  EXPECT_FALSE(writer->can_read());
  EXPECT_EQ(writer->root_key(), nullptr);
  SeededRandom random{2};
  const auto session = writer->new_session(random);
  ASSERT_TRUE(session);
  EXPECT_EQ(writer->open_session(session->entry).error().kind, ErrorKind::kDenied);
  EXPECT_TRUE(keys.open_session(session->entry));
}

TEST(KeyRing, LetsARevokedWriterWriteNoMoreButKeepsItsHistory) {
  const KeyRing keys = keys_for_test();
  Config config = keys.config();
  config.members.front().is_revoked = true;
  const auto revoked = changed_keys(keys, config, [](Credentials&) {});
  ASSERT_TRUE(revoked);
  EXPECT_FALSE(revoked->can_write());
  const auto signer = revoked->signer(keys.writer_id());
  ASSERT_TRUE(signer);
  EXPECT_TRUE(signer->may_write);
  EXPECT_TRUE(signer->is_revoked);
}

TEST(KeyRing, KnowsRootAndMembersAndNobodyElse) {
  const KeyRing keys = keys_for_test();
  const auto root = keys.signer(writer_id_of(keys.config().root));
  ASSERT_TRUE(root);
  EXPECT_TRUE(root->is_root);
  EXPECT_FALSE(root->may_write);
  EXPECT_FALSE(keys.signer(WriterId{}));
}

TEST(KeyRing, SeparatesChunkIdsByTypeAndRepository) {
  const KeyRing keys = keys_for_test();
  const ByteView text = as_bytes("same bytes");
  EXPECT_EQ(keys.chunk_id(ChunkType::kData, text), keys.chunk_id(ChunkType::kData, text));
  EXPECT_NE(keys.chunk_id(ChunkType::kData, text), keys.chunk_id(ChunkType::kTree, text));
  EXPECT_NE(keys.chunk_id(ChunkType::kData, text),
            keys_for_test(2).chunk_id(ChunkType::kData, text));
}

TEST(KeyRing, MakesAGearTableOfItsOwn) {
  const auto table = keys_for_test().gear_table();
  EXPECT_EQ(table, keys_for_test().gear_table());
  EXPECT_NE(table, keys_for_test(2).gear_table());
  EXPECT_EQ(std::set<std::uint64_t>(table.begin(), table.end()).size(), table.size());
}

}  // namespace
}  // namespace reprieve::repository
