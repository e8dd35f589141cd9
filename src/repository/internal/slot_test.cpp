#include "repository/internal/slot.hpp"

#include <gtest/gtest.h>

#include "repository/internal/record.hpp"
#include "repository/recipient.hpp"

namespace reprieve::repository {
namespace {

constexpr crypto::KdfCost kCheapest{.memory_kib = 8 * 1024, .passes = 1};

class SlotTest : public ::testing::Test {
 protected:
  SlotTest() {
    credentials_.role = Role::kReader;
    credentials_.repository = crypto::random_array<16>(random_);
    credentials_.reading_keys.push_back({.epoch = 1, .secret = crypto::random_secret(random_)});
    options_ = {.label = "laptop", .created = Instant{77}, .cost = kCheapest};
  }
  [[nodiscard]] bool is_ours(const Credentials& other) const {
    return copy_of(encode_credentials(other).expose()) ==
           copy_of(encode_credentials(credentials_).expose());
  }

  SeededRandom random_{9};
  Credentials credentials_;
  SlotOptions options_;
};

TEST_F(SlotTest, OfAPassphraseOpensWithItAndNoOther) {
  const Secret passphrase = Secret::copy_of(as_bytes("correct horse"));
  const auto record = encode_passphrase_slot(credentials_, passphrase, options_, random_);
  ASSERT_TRUE(record);
  const auto slot = parse_slot(*record);
  ASSERT_TRUE(slot);
  EXPECT_EQ(slot->kind, SlotKind::kPassphrase);
  EXPECT_EQ(slot->label, "laptop");
  EXPECT_EQ(slot->created, Instant{77});
  const auto opened = open_slot(*slot, passphrase);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(is_ours(*opened));
  const auto wrong = open_slot(*slot, Secret::copy_of(as_bytes("correct horsf")));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::kDenied);
}

TEST_F(SlotTest, OfAKeyFileOpensWithItAndNoOther) {
  const Secret key = crypto::random_secret(random_);
  const auto record = encode_key_file_slot(credentials_, key, options_, random_);
  ASSERT_TRUE(record);
  const auto slot = parse_slot(*record);
  ASSERT_TRUE(slot);
  EXPECT_EQ(slot->hint, key_hint(key));
  const auto opened = open_slot(*slot, key);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(is_ours(*opened));
  EXPECT_EQ(open_slot(*slot, crypto::random_secret(random_)).error().kind, ErrorKind::kDenied);
}

TEST_F(SlotTest, OfARecipientOpensWithTheKeyFileWhosePublicHalfItWasSealedTo) {
  const Secret key = crypto::random_secret(random_);
  const auto recipient = recipient_key(key).public_key();
  const auto record = encode_recipient_slot(credentials_, recipient, options_, random_);
  ASSERT_TRUE(record);
  const auto slot = parse_slot(*record);
  ASSERT_TRUE(slot);
  EXPECT_EQ(slot->kind, SlotKind::kRecipient);
  EXPECT_EQ(slot->recipient, recipient);
  EXPECT_EQ(slot->label, "laptop");
  const auto opened = open_slot(*slot, key);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(is_ours(*opened));
  EXPECT_EQ(open_slot(*slot, crypto::random_secret(random_)).error().kind, ErrorKind::kDenied);
}

TEST_F(SlotTest, OfARecipientDoesNotOpenWithAnyByteFlipped) {
  const Secret key = crypto::random_secret(random_);
  auto record =
      encode_recipient_slot(credentials_, recipient_key(key).public_key(), options_, random_);
  ASSERT_TRUE(record);
  for (std::size_t at = 0; at < record->size(); ++at) {
    (*record)[at] ^= std::byte{1};
    const auto slot = parse_slot(*record);
    const bool is_worth_a_try = slot && slot->kind == SlotKind::kRecipient;
    EXPECT_FALSE(is_worth_a_try && open_slot(*slot, key)) << at;
    (*record)[at] ^= std::byte{1};
  }
}

TEST_F(SlotTest, OfARecipientIsBoundToItsRepositoryAndSealedAnewEachTime) {
  const Secret key = crypto::random_secret(random_);
  const auto recipient = recipient_key(key).public_key();
  const auto first = encode_recipient_slot(credentials_, recipient, options_, random_);
  const auto second = encode_recipient_slot(credentials_, recipient, options_, random_);
  EXPECT_NE(parse_slot(*first)->ephemeral, parse_slot(*second)->ephemeral);
  EXPECT_NE(parse_slot(*first)->commitment, parse_slot(*second)->commitment);
  Credentials other;
  other.role = Role::kReader;
  other.repository = crypto::random_array<16>(random_);
  other.reading_keys.push_back({.epoch = 1, .secret = crypto::random_secret(random_)});
  // The parameters of one repository's slot around the sealed bytes of another's.
  auto graft = encode_recipient_slot(other, recipient, options_, random_);
  ASSERT_TRUE(graft);
  std::ranges::copy(ByteView{*first}.subspan(kRecordHeaderBytes, 16),
                    graft->begin() + kRecordHeaderBytes);
  EXPECT_EQ(open_slot(*parse_slot(*graft), key).error().kind, ErrorKind::kDenied);
}

TEST_F(SlotTest, IsNotSealedToAWeakPoint) {
  crypto::PublicKey one{};
  one[0] = std::byte{1};
  for (const crypto::PublicKey& weak : {crypto::PublicKey{}, one})
    EXPECT_EQ(encode_recipient_slot(credentials_, weak, options_, random_).error().kind,
              ErrorKind::kInvalid);
}

TEST_F(SlotTest, DoesNotOpenWithAnyByteFlipped) {
  const Secret key = crypto::random_secret(random_);
  auto record = encode_key_file_slot(credentials_, key, options_, random_);
  ASSERT_TRUE(record);
  for (std::size_t at = 0; at < record->size(); ++at) {
    (*record)[at] ^= std::byte{1};
    const auto slot = parse_slot(*record);
    // A flipped kind may leave a slot of a passphrase with a costly derivation: not worth a try.
    const bool is_worth_a_try = slot && slot->kind == SlotKind::kKeyFile;
    EXPECT_FALSE(is_worth_a_try && open_slot(*slot, key)) << at;
    (*record)[at] ^= std::byte{1};
  }
}

TEST_F(SlotTest, AsksForNoDerivationOutOfItsLimits) {
  const Secret passphrase = Secret::copy_of(as_bytes("x"));
  auto record = encode_passphrase_slot(credentials_, passphrase, options_, random_);
  ASSERT_TRUE(record);
  constexpr std::size_t kCostAt = kRecordHeaderBytes + 16 + 1 + 16;
  for (const std::byte high : {std::byte{0xff}, std::byte{0x01}}) {
    Bytes hostile = *record;
    hostile[kCostAt + 3] = high;
    EXPECT_EQ(parse_slot(hostile).error().kind, ErrorKind::kCorrupt);
  }
}

TEST_F(SlotTest, OfAnUnknownKindAsksForANewerVersion) {
  auto record =
      encode_key_file_slot(credentials_, crypto::random_secret(random_), options_, random_);
  ASSERT_TRUE(record);
  (*record)[kRecordHeaderBytes + 16] = std::byte{4};
  EXPECT_EQ(parse_slot(*record).error().kind, ErrorKind::kInvalid);
}

TEST_F(SlotTest, IsNotMadeOfAnEmptyPassphraseOrAShortKey) {
  EXPECT_EQ(encode_passphrase_slot(credentials_, Secret{}, options_, random_).error().kind,
            ErrorKind::kInvalid);
  EXPECT_EQ(encode_key_file_slot(credentials_, Secret{31}, options_, random_).error().kind,
            ErrorKind::kInvalid);
}

}  // namespace
}  // namespace reprieve::repository
