#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "crypto/crypto.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/parity.hpp"

/// A pack's label: what names the pack and proves each of its bytes (docs/format.md section 6).
/// Pure and thread-safe.
namespace reprieve::repository {

inline constexpr std::uint8_t kDataPack = 1;
inline constexpr std::uint8_t kTreePack = 2;
inline constexpr std::uint8_t kStreamPack = 3;  ///< A piece of a stream: never below pack/.
inline constexpr std::size_t kLabelKeysMax = 2048;
inline constexpr std::size_t kLabelFixedBytes = 94;
inline constexpr std::size_t kLabelKeyBytes = 52;
inline constexpr std::size_t kLabelBytesMax =
    kLabelFixedBytes + kLabelKeysMax * kLabelKeyBytes + 68 * 32 + 64;
inline constexpr std::size_t kLocatorBytes = 8;
/// No pack is larger: body, parity, two labels, locator.
inline constexpr std::size_t kPackObjectMax =
    kPackBodyMax / 64 * 68 + 2 * kLabelBytesMax + kLocatorBytes;

struct PackLabel {
  std::uint8_t pack_type = kDataPack;
  RepositoryId repository{};
  WriterId writer{};
  std::array<std::byte, 32> session{};
  std::uint32_t trailer_offset = 0;  ///< In the body.
  std::uint32_t trailer_length = 0;
  ShardGeometry geometry;
  std::vector<SessionKeyEntry> keys;
  std::vector<crypto::Digest> shard_hashes;
  std::size_t label_bytes = 0;  ///< Encoded length; filled by parse_label().

  [[nodiscard]] std::size_t object_bytes() const {
    return 2 * label_bytes + geometry.body_bytes() + geometry.parity_bytes() + kLocatorBytes;
  }
};

/// Encoded length of a label with so many keys and shards.
constexpr std::size_t label_length(std::size_t keys, std::size_t shards) {
  return kLabelFixedBytes + keys * kLabelKeyBytes + shards * 32 + 64;
}

Bytes encode_label(const PackLabel& label, const crypto::SigningKey& writer);

/// Checks structure and the agreement of all lengths, not the signature. Errors: kCorrupt.
Result<PackLabel> parse_label(ByteView bytes);

/// Who a label says made it, without a look at the rest. Nothing if it is too short for one.
std::optional<WriterId> writer_in_label(ByteView label);

/// Whether `label` (all its bytes) was signed by `key` and names it as its writer.
bool label_is_signed_by(ByteView label, const crypto::PublicKey& key);

PackId pack_id_of(ByteView label);
ObjectKey pack_key(const PackId& id);
/// Nothing if `key` does not name a pack.
std::optional<PackId> pack_id_in_key(std::string_view key);

/// The copies of the label named `id` inside `object`, which may be damaged or cut: the front copy,
/// and the tail copy found by the locator or by search.
struct LabelCopies {
  std::optional<ByteView> front;
  std::optional<ByteView> tail;
  bool locator_is_good = false;
  [[nodiscard]] std::optional<ByteView> any() const { return front ? front : tail; }
};
LabelCopies find_label(const PackId& id, ByteView object);

}  // namespace reprieve::repository
