#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

/// Cauchy Reed-Solomon over a pack's body (docs/format.md section 6). Pure and thread-safe.
namespace reprieve::repository {

inline constexpr std::uint32_t kPackBodyMax = 32 * 1024 * 1024;
inline constexpr std::uint32_t kShardAlignment = 4096;
inline constexpr std::uint32_t kDataShardsMax = 64;

/// How a body is cut into shards.
struct ShardGeometry {
  std::uint32_t shard_bytes = 0;
  std::uint16_t data = 0;    ///< k.
  std::uint16_t parity = 0;  ///< m: as many shards may be lost.
  [[nodiscard]] std::size_t shards() const { return std::size_t{data} + parity; }
  [[nodiscard]] std::size_t body_bytes() const { return std::size_t{data} * shard_bytes; }
  [[nodiscard]] std::size_t parity_bytes() const { return std::size_t{parity} * shard_bytes; }
  friend bool operator==(const ShardGeometry&, const ShardGeometry&) = default;
};

/// For 1 to kPackBodyMax bytes of frames and trailer.
ShardGeometry shard_geometry(std::uint32_t used_bytes);

/// Fills `parity` (geometry.parity_bytes()) from `body` (geometry.body_bytes()).
void encode_parity(const ShardGeometry& geometry, ByteView body, MutableByteView parity);

/// Computes the shards numbered in `bad` (ascending; data first, then parity) anew from the others.
/// `shards` holds all shards in order, the bad ones with any bytes. Errors: kCorrupt if more are
/// bad than parity can bring back.
Result<> heal_shards(const ShardGeometry& geometry, MutableByteView shards,
                     std::span<const std::uint16_t> bad);

}  // namespace reprieve::repository
