#include "mount/internal/inode_table.hpp"

namespace reprieve::mount {
namespace {

/// The finisher of SplitMix64 (Steele, Lea, Flood 2014): a bijection that mixes all bits.
std::uint64_t mixed(std::uint64_t value) {
  value ^= value >> 30U;
  value *= 0xbf58476d1ce4e5b9ULL;
  value ^= value >> 27U;
  value *= 0x94d049bb133111ebULL;
  return value ^ (value >> 31U);
}

/// 0 is no inode, 1 the root.
std::uint64_t usable(std::uint64_t number) {
  return number <= InodeTable::kRoot ? number + 2 : number;
}

}  // namespace

std::uint64_t InodeTable::number_of(const Identity& identity) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;
  const auto kind = static_cast<std::uint64_t>(identity.kind);
  return usable(mixed(mixed(identity.scope + kOdd) + identity.item * 2 + kind));
}

std::uint64_t InodeTable::remember(const Identity& identity, const Place& place) {
  const std::lock_guard lock{mutex_};
  std::uint64_t number = number_of(identity);
  for (;; number = usable(number + 1)) {
    const auto [at, is_new] = nodes_.try_emplace(number, Node{identity, place, 0});
    if (at->second.identity != identity) continue;
    ++at->second.lookups;
    return number;
  }
}

std::optional<Place> InodeTable::find(std::uint64_t number) const {
  const std::lock_guard lock{mutex_};
  const auto at = nodes_.find(number);
  if (at == nodes_.end()) return std::nullopt;
  return at->second.place;
}

void InodeTable::forget(std::uint64_t number, std::uint64_t lookups) {
  const std::lock_guard lock{mutex_};
  const auto at = nodes_.find(number);
  if (at == nodes_.end()) return;
  if (at->second.lookups > lookups)
    at->second.lookups -= lookups;
  else
    nodes_.erase(at);
}

std::size_t InodeTable::size() const {
  const std::lock_guard lock{mutex_};
  return nodes_.size();
}

}  // namespace reprieve::mount
