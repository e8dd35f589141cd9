#include "repository/internal/slot.hpp"

#include <algorithm>

#include "base/codec.hpp"
#include "repository/internal/agreement.hpp"
#include "repository/internal/record.hpp"
#include "repository/recipient.hpp"

namespace reprieve::repository {
namespace {

constexpr std::size_t kKeyFileBytes = 32;
constexpr std::size_t kLabelMax = 256;
constexpr std::string_view kContext = "reprieve slot";
constexpr std::string_view kRecipientPurpose = "reprieve recipient";

Error not_opened() {
  return Error{ErrorKind::kDenied, "the key does not open the slot"};
}

std::size_t varint_size(std::uint64_t v) {
  Encoder out;
  out.varint(v);
  return out.size();
}

Secret sealing_key(const Secret& secret, ByteView salt) {
  return crypto::hkdf(secret, salt, as_bytes(kContext));
}

/// Ends a slot's record. `head` is the body up to the label. The record's header counts the sealed
/// bytes and is sealed with them, so their length is worked out first.
Result<Bytes> finish_slot(Encoder head, const Credentials& credentials, const Secret& key,
                          const SlotOptions& options) {
  if (options.label.size() > kLabelMax)
    return Error{ErrorKind::kInvalid, "the label of a key is longer than 256 bytes"};
  head.text(options.label);
  head.i64(options.created.nanoseconds);
  const Secret plain = encode_credentials(credentials);
  const std::size_t sealed_bytes = plain.size() + crypto::kTagBytes;
  Bytes record = encode_record_header(RecordKind::kSlot,
                                      head.size() + varint_size(sealed_bytes) + sealed_bytes);
  head.varint(sealed_bytes);
  record.insert(record.end(), head.view().begin(), head.view().end());
  Bytes sealed;
  crypto::seal_once(key, record, plain.expose(), sealed);
  REPRIEVE_ASSERT(sealed.size() == sealed_bytes);
  record.insert(record.end(), sealed.begin(), sealed.end());
  return record;
}

Encoder start_slot(const Credentials& credentials, SlotKind kind) {
  Encoder head;
  head.raw(credentials.repository);
  head.u8(static_cast<std::uint8_t>(kind));
  return head;
}

/// Reads what depends on the kind. Errors: kInvalid for a kind that is not known.
Result<> read_parameters(Decoder& in, Slot& slot) {
  switch (slot.kind) {
    case SlotKind::kPassphrase:
      slot.salt = copy_of(in.raw(sizeof(crypto::Salt16)));
      slot.cost.memory_kib = in.u32();
      slot.cost.passes = in.u32();
      if (in.ok() && !slot.cost.within_limits())
        return Error{ErrorKind::kCorrupt, "slot: asks for a derivation out of its limits"};
      return kOk;
    case SlotKind::kKeyFile:
      slot.salt = copy_of(in.raw(sizeof(crypto::Salt32)));
      slot.hint = in.array<8>();
      return kOk;
    case SlotKind::kRecipient:
      slot.recipient = in.array<32>();
      slot.ephemeral = in.array<32>();
      slot.commitment = in.array<32>();
      return kOk;
  }
  return Error{ErrorKind::kInvalid, "slot: its kind is not known",
               "Use a newer version of reprieve to use this key."};
}

/// The secret that the slot's key is derived from.
Result<Secret> derive_for(const Slot& slot, const Secret& secret) {
  switch (slot.kind) {
    case SlotKind::kPassphrase: {
      crypto::Salt16 salt{};
      std::ranges::copy(slot.salt, salt.begin());
      return crypto::derive_from_password(secret, salt, slot.cost);
    }
    case SlotKind::kKeyFile:
      return secret.clone();
    case SlotKind::kRecipient:
      break;
  }
  const crypto::ExchangeKey own = recipient_key(secret);
  if (own.public_key() != slot.recipient) return not_opened();
  REPRIEVE_TRY(Secret shared, agree_as(own, slot.ephemeral, kRecipientPurpose, slot.repository));
  if (!crypto::equal_in_constant_time(commitment_to(shared), slot.commitment)) return not_opened();
  return shared;
}

}  // namespace

KeyHint key_hint(const Secret& key_file_secret) {
  crypto::Sha256 hash;
  hash.update(as_bytes("reprieve hint"));
  hash.update(key_file_secret.expose());
  const crypto::Digest digest = hash.finish();
  KeyHint hint{};
  std::ranges::copy(ByteView{digest}.first(hint.size()), hint.begin());
  return hint;
}

Result<Bytes> encode_passphrase_slot(const Credentials& credentials, const Secret& passphrase,
                                     const SlotOptions& options, RandomSource& random) {
  if (passphrase.empty()) return Error{ErrorKind::kInvalid, "the passphrase is empty"};
  const auto salt = crypto::random_array<16>(random);
  REPRIEVE_TRY(const Secret secret, crypto::derive_from_password(passphrase, salt, options.cost));
  Encoder head = start_slot(credentials, SlotKind::kPassphrase);
  head.raw(salt);
  head.u32(options.cost.memory_kib);
  head.u32(options.cost.passes);
  return finish_slot(std::move(head), credentials, sealing_key(secret, salt), options);
}

Result<Bytes> encode_key_file_slot(const Credentials& credentials, const Secret& key,
                                   const SlotOptions& options, RandomSource& random) {
  if (key.size() != kKeyFileBytes)
    return Error{ErrorKind::kInvalid, "a key file's key does not have 32 bytes"};
  const auto salt = crypto::random_array<32>(random);
  Encoder head = start_slot(credentials, SlotKind::kKeyFile);
  head.raw(salt);
  head.raw(key_hint(key));
  return finish_slot(std::move(head), credentials, sealing_key(key, salt), options);
}

Result<Bytes> encode_recipient_slot(const Credentials& credentials,
                                    const crypto::PublicKey& recipient, const SlotOptions& options,
                                    RandomSource& random) {
  REPRIEVE_TRY(const Agreement agreement,
               agree_with(recipient, kRecipientPurpose, credentials.repository, random));
  Encoder head = start_slot(credentials, SlotKind::kRecipient);
  head.raw(recipient);
  head.raw(agreement.ephemeral);
  head.raw(commitment_to(agreement.shared));
  return finish_slot(std::move(head), credentials, sealing_key(agreement.shared, {}), options);
}

Result<Slot> parse_slot(ByteView record) {
  REPRIEVE_TRY(const ByteView body, parse_record(record, RecordKind::kSlot));
  Decoder in{body};
  Slot slot;
  slot.repository = in.array<16>();
  slot.kind = static_cast<SlotKind>(in.u8());
  if (!in.ok()) return Error{ErrorKind::kCorrupt, "slot: malformed"};
  REPRIEVE_RETURN_IF_ERROR(read_parameters(in, slot));
  slot.label = in.text(kLabelMax);
  slot.created = Instant{in.i64()};
  slot.sealed = in.bytes(kSlotBytesMax);
  REPRIEVE_RETURN_IF_ERROR(in.finish("slot"));
  slot.associated = record.first(record.size() - slot.sealed.size());
  return slot;
}

Result<Credentials> open_slot(const Slot& slot, const Secret& secret) {
  REPRIEVE_TRY(const Secret derived, derive_for(slot, secret));
  if (slot.sealed.size() < crypto::kTagBytes)
    return Error{ErrorKind::kCorrupt, "slot: holds no credentials"};
  // Straight into locked memory: these are keys.
  Secret plain{slot.sealed.size() - crypto::kTagBytes};
  const auto opened = crypto::open_once_into(sealing_key(derived, slot.salt), slot.associated,
                                             slot.sealed, plain.expose_mutable());
  if (!opened) return not_opened();
  REPRIEVE_TRY(Credentials credentials, parse_credentials(plain.expose()));
  if (credentials.repository != slot.repository)
    return Error{ErrorKind::kCorrupt, "slot: its credentials are of another repository"};
  return credentials;
}

}  // namespace reprieve::repository
