#pragma once

#include <map>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/repository.hpp"
#include "storage/object_store.hpp"

/// Losses: packs that are damaged beyond healing, so that backups store again what was in them
/// (docs/format.md section 5). Encoding and parsing are pure.
namespace reprieve::repository {

struct LossRecord {
  enum class What : std::uint8_t { kLoss = 1, kRelease = 2 };
  RepositoryId repository{};
  WriterId signer{};
  What what = What::kLoss;
  std::array<std::byte, 32> subject{};  ///< The pack's id, or that of the loss released.
  Instant time;
};

/// Store it as a twin under id_key(kLossPrefix, SHA-256 of the record).
Bytes encode_loss(const LossRecord& loss, const crypto::SigningKey& signer);
/// Checks the structure, not the signature. Errors: kCorrupt; kInvalid for a newer version.
Result<LossRecord> parse_loss(ByteView record);

/// Packs whose loss nobody released, each with the losses' ids. One that does not verify, or whose
/// signer was revoked since, counts for nothing. Errors: the store's.
Result<std::multimap<PackId, crypto::Digest>> read_losses(ObjectStore& store, const KeyRing& keys);

/// Not durable before the store's next sync(). Errors: the store's. Asserts that the key can sign.
Result<> put_loss(const Repository& repository, const PackId& pack);
Result<> release_loss(const Repository& repository, const crypto::Digest& loss);

}  // namespace reprieve::repository
