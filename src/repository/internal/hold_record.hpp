#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/object_names.hpp"
#include "storage/object_store.hpp"

/// Holds: what keeps a recovery point whatever retention says (docs/format.md section 5). Encoding
/// and parsing are pure.
namespace reprieve::repository {

struct HoldRecord {
  enum class What : std::uint8_t { kHold = 1, kRelease = 2 };
  RepositoryId repository{};
  WriterId signer{};
  What what = What::kHold;
  std::array<std::byte, 32> subject{};  ///< The snapshot's id, or that of the hold released.
  Instant time;
  std::string text;  ///< Sealed in the store; empty if the key at hand cannot open it.
};

/// Longest text, in bytes.
inline constexpr std::size_t kHoldTextMax = 1000;

/// Store it as a twin under id_key(kHoldPrefix, SHA-256 of the record).
Bytes encode_hold(const HoldRecord& hold, const KeyRing& keys, RandomSource& random);
/// Checks the structure, not the signature. Errors: kCorrupt; kInvalid for a newer version.
Result<HoldRecord> parse_hold(ByteView record, const KeyRing& keys);

struct ActiveHold {
  crypto::Digest id{};
  HoldRecord record;
};
/// Holds that nobody released, by snapshot. One that does not verify holds nothing. Errors: the
/// store's.
Result<std::multimap<SnapshotId, ActiveHold>> read_holds(ObjectStore& store, const KeyRing& keys);

}  // namespace reprieve::repository
