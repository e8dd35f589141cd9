#include "repository/internal/parity.hpp"

#include <isa-l/erasure_code.h>

#include <algorithm>

#include "base/assert.hpp"

namespace reprieve::repository {

namespace {

/// ISA-L takes `unsigned char**` even of what it only reads.
std::uint8_t* writable(const std::byte* bytes) {
  return const_cast<std::uint8_t*>(as_u8(bytes));
}

/// Row i of the (k + m) x k matrix; the first k rows are the identity.
std::vector<std::uint8_t> encoding_matrix(const ShardGeometry& geometry) {
  std::vector<std::uint8_t> matrix(geometry.shards() * geometry.data);
  gf_gen_cauchy1_matrix(matrix.data(), static_cast<int>(geometry.shards()), geometry.data);
  return matrix;
}

/// targets = rows x sources, all of `shard_bytes`.
void multiply(const ShardGeometry& geometry, std::vector<std::uint8_t> rows,
              std::vector<std::uint8_t*> sources, std::vector<std::uint8_t*> targets) {
  std::vector<std::uint8_t> tables(32 * sources.size() * targets.size());
  const int count = static_cast<int>(sources.size());
  const int wanted = static_cast<int>(targets.size());
  ec_init_tables(count, wanted, rows.data(), tables.data());
  ec_encode_data(static_cast<int>(geometry.shard_bytes), count, wanted, tables.data(),
                 sources.data(), targets.data());
}

}  // namespace

ShardGeometry shard_geometry(std::uint32_t used_bytes) {
  REPRIEVE_ASSERT(used_bytes > 0 && used_bytes <= kPackBodyMax);
  const std::uint32_t part = (used_bytes + kDataShardsMax - 1) / kDataShardsMax;
  ShardGeometry geometry;
  geometry.shard_bytes = (part + kShardAlignment - 1) / kShardAlignment * kShardAlignment;
  const std::uint32_t data = (used_bytes + geometry.shard_bytes - 1) / geometry.shard_bytes;
  geometry.data = static_cast<std::uint16_t>(data);
  geometry.parity = static_cast<std::uint16_t>(std::max(2U, (data + 15) / 16));
  return geometry;
}

void encode_parity(const ShardGeometry& geometry, ByteView body, MutableByteView parity) {
  REPRIEVE_ASSERT(body.size() == geometry.body_bytes());
  REPRIEVE_ASSERT(parity.size() == geometry.parity_bytes());
  const auto matrix = encoding_matrix(geometry);
  std::vector<std::uint8_t*> sources;
  for (std::size_t i = 0; i < geometry.data; ++i)
    sources.push_back(writable(body.data() + i * geometry.shard_bytes));
  std::vector<std::uint8_t*> targets;
  for (std::size_t i = 0; i < geometry.parity; ++i)
    targets.push_back(as_u8(parity.data() + i * geometry.shard_bytes));
  const std::size_t identity = std::size_t{geometry.data} * geometry.data;
  multiply(geometry, {matrix.begin() + static_cast<std::ptrdiff_t>(identity), matrix.end()},
           std::move(sources), std::move(targets));
}

Result<> heal_shards(const ShardGeometry& geometry, MutableByteView shards,
                     std::span<const std::uint16_t> bad) {
  REPRIEVE_ASSERT(shards.size() == geometry.shards() * geometry.shard_bytes);
  if (bad.empty()) return kOk;
  if (bad.size() > geometry.parity)
    return Error{ErrorKind::kCorrupt, "more shards are damaged than parity can bring back"};
  const std::size_t k = geometry.data;
  const auto matrix = encoding_matrix(geometry);
  const auto row = [&](std::size_t i) { return matrix.data() + i * k; };

  // Any k good rows of the matrix are invertible: their inverse gives the data from good shards.
  std::vector<std::uint8_t> good_rows;
  std::vector<std::uint8_t*> sources;
  for (std::size_t i = 0; i < geometry.shards() && sources.size() < k; ++i) {
    if (std::ranges::binary_search(bad, static_cast<std::uint16_t>(i))) continue;
    good_rows.insert(good_rows.end(), row(i), row(i) + k);
    sources.push_back(as_u8(shards.data() + i * geometry.shard_bytes));
  }
  std::vector<std::uint8_t> inverse(k * k);
  if (gf_invert_matrix(good_rows.data(), inverse.data(), static_cast<int>(k)) != 0)
    return Error{ErrorKind::kCorrupt, "parity matrix cannot be inverted"};

  // A bad shard i is row(i) x data, and data is inverse x good shards.
  std::vector<std::uint8_t> rows;
  std::vector<std::uint8_t*> targets;
  for (const std::uint16_t i : bad) {
    for (std::size_t column = 0; column < k; ++column) {
      std::uint8_t sum = 0;
      for (std::size_t j = 0; j < k; ++j)
        sum = static_cast<std::uint8_t>(sum ^ gf_mul(row(i)[j], inverse[j * k + column]));
      rows.push_back(sum);
    }
    targets.push_back(as_u8(shards.data() + i * std::size_t{geometry.shard_bytes}));
  }
  multiply(geometry, std::move(rows), std::move(sources), std::move(targets));
  return kOk;
}

}  // namespace reprieve::repository
