#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace reprieve {

/// A number that cannot be mistaken for another number. Explicit in, explicit out.
template <class Tag, class Rep = std::uint64_t>
struct Strong {
  Rep value{};
  friend constexpr auto operator<=>(Strong, Strong) = default;
};

using ByteCount = Strong<struct ByteCountTag>;    ///< A length in bytes.
using ByteOffset = Strong<struct ByteOffsetTag>;  ///< A position in bytes from the start.

/// A run of bytes inside an object or a file.
struct ByteRange {
  ByteOffset offset;
  ByteCount length;
  friend constexpr auto operator<=>(const ByteRange&, const ByteRange&) = default;
};

/// A content hash (of what, is said where each kind of object is specified). One template, one
/// distinct type per kind of object: a PackId does not compile where a SnapshotId is wanted.
template <class Tag>
struct ObjectId {
  static constexpr std::size_t kSize = 32;
  std::array<std::byte, kSize> bytes{};

  friend constexpr auto operator<=>(const ObjectId&, const ObjectId&) = default;

  [[nodiscard]] std::string hex() const { return to_hex(bytes); }
  static std::optional<ObjectId> from_hex(std::string_view text) {
    const auto parsed = reprieve::from_hex(text);
    if (!parsed || parsed->size() != kSize) return std::nullopt;
    ObjectId id;
    std::ranges::copy(*parsed, id.bytes.begin());
    return id;
  }
};

using ChunkId = ObjectId<struct ChunkTag>;        ///< HMAC-SHA256(K_id, type | plaintext).
using PackId = ObjectId<struct PackTag>;          ///< SHA-256 of a pack's signed label.
using SnapshotId = ObjectId<struct SnapshotTag>;  ///< SHA-256 of a snapshot's record.

/// Hash of an id for unordered containers: ids are uniform already.
template <class Tag>
std::size_t hash_value(const ObjectId<Tag>& id) {
  std::size_t value = 0;
  std::memcpy(&value, id.bytes.data(), sizeof value);
  return value;
}

}  // namespace reprieve

template <class Tag>
struct std::hash<reprieve::ObjectId<Tag>> {
  std::size_t operator()(const reprieve::ObjectId<Tag>& id) const noexcept {
    return reprieve::hash_value(id);
  }
};
