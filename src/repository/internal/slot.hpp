#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "repository/credentials.hpp"

/// Slots: credentials sealed under what a user knows or has (docs/format.md section 4). Pure.
namespace reprieve::repository {

enum class SlotKind : std::uint8_t { kPassphrase = 1, kKeyFile = 2, kRecipient = 3 };

/// First 8 bytes of SHA-256("reprieve hint" | secret): tells which slot a key file is for.
using KeyHint = std::array<std::byte, 8>;
KeyHint key_hint(const Secret& key_file_secret);

/// What a slot's record says in the clear; views point into the record.
struct Slot {
  RepositoryId repository{};
  SlotKind kind = SlotKind::kPassphrase;
  Bytes salt;            ///< 16 bytes for a passphrase, 32 for a key file, none for a recipient.
  crypto::KdfCost cost;  ///< Of a passphrase; within limits.
  KeyHint hint{};        ///< Of a key file.
  crypto::PublicKey recipient{};  ///< Of a recipient, as the next two.
  crypto::PublicKey ephemeral{};
  crypto::Digest commitment{};
  std::string label;
  Instant created;
  ByteView associated;  ///< All bytes of the record before `sealed` (its length included).
  ByteView sealed;
};

/// What does not come from the key.
struct SlotOptions {
  std::string label;
  Instant created;
  crypto::KdfCost cost;  ///< Of a passphrase. Within limits.
};

/// Seals under a passphrase of any length, or under the 32 bytes of a key file. Errors: kInvalid if
/// the secret is empty or has the wrong length, or the label is too long; kExhausted if the
/// derivation finds no memory.
Result<Bytes> encode_passphrase_slot(const Credentials& credentials, const Secret& passphrase,
                                     const SlotOptions& options, RandomSource& random);
Result<Bytes> encode_key_file_slot(const Credentials& credentials, const Secret& key,
                                   const SlotOptions& options, RandomSource& random);
/// Seals to the public half of a key file that lies elsewhere. Errors: kInvalid also for a weak
/// point.
Result<Bytes> encode_recipient_slot(const Credentials& credentials,
                                    const crypto::PublicKey& recipient, const SlotOptions& options,
                                    RandomSource& random);

/// Errors: kCorrupt; kInvalid for a kind of slot or a record that a newer version made.
Result<Slot> parse_slot(ByteView record);

/// Errors: kDenied if the key does not open it (which cannot be told from a damaged slot);
/// kCorrupt if what it opens is malformed; kExhausted.
Result<Credentials> open_slot(const Slot& slot, const Secret& secret);

}  // namespace reprieve::repository
