#include "repository/internal/known_set.hpp"

#include <cstring>

namespace reprieve::repository {

namespace {
constexpr std::array<std::uint64_t, 2> kEmpty{};
}  // namespace

KnownSet::KnownSet() {
  for (Shard& shard : shards_)
    shard.places.resize(64);
}

KnownSet::Prefix KnownSet::prefix_of(const ChunkId& id) {
  Prefix prefix;
  std::memcpy(prefix.data(), id.bytes.data(), sizeof prefix);
  if (prefix == kEmpty) prefix[0] = 1;
  return prefix;
}

std::size_t KnownSet::Shard::place_of(const Prefix& prefix) const {
  const std::size_t mask = places.size() - 1;
  std::size_t at = prefix[0] & mask;
  while (places[at] != kEmpty && places[at] != prefix)
    at = (at + 1) & mask;
  return at;
}

void KnownSet::Shard::grow() {
  std::vector<Prefix> old(places.size() * 2);
  old.swap(places);
  for (const Prefix& prefix : old) {
    if (prefix != kEmpty) places[place_of(prefix)] = prefix;
  }
}

bool KnownSet::insert(const ChunkId& id) {
  const Prefix prefix = prefix_of(id);
  Shard& shard = shard_of(prefix);
  const std::lock_guard lock{shard.mutex};
  std::size_t at = shard.place_of(prefix);
  if (shard.places[at] == prefix) return false;
  if ((shard.used + 1) * 4 > shard.places.size() * 3) {
    shard.grow();
    at = shard.place_of(prefix);
  }
  shard.places[at] = prefix;
  ++shard.used;
  return true;
}

bool KnownSet::contains(const ChunkId& id) const {
  const Prefix prefix = prefix_of(id);
  const Shard& shard = shard_of(prefix);
  const std::lock_guard lock{shard.mutex};
  return shard.places[shard.place_of(prefix)] == prefix;
}

void KnownSet::erase(const ChunkId& id) {
  const Prefix prefix = prefix_of(id);
  Shard& shard = shard_of(prefix);
  const std::lock_guard lock{shard.mutex};
  std::size_t hole = shard.place_of(prefix);
  if (shard.places[hole] != prefix) return;
  --shard.used;
  // Close the hole: whoever stands behind it and would have stood at it or before moves up.
  const std::size_t mask = shard.places.size() - 1;
  for (std::size_t at = (hole + 1) & mask; shard.places[at] != kEmpty; at = (at + 1) & mask) {
    const std::size_t home = shard.places[at][0] & mask;
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      shard.places[hole] = shard.places[at];
      hole = at;
    }
  }
  shard.places[hole] = kEmpty;
}

}  // namespace reprieve::repository
