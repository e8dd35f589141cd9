#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/strong.hpp"

namespace reprieve::repository {

/// Ids that a session has taken but not yet indexed, 16 bytes each: chance makes two ids share them
/// once in 2^64 chunks. Thread-safe; memory is about 32 bytes per id at its largest size.
class KnownSet {
 public:
  KnownSet();
  /// False if the id was there already.
  bool insert(const ChunkId& id);
  [[nodiscard]] bool contains(const ChunkId& id) const;
  void erase(const ChunkId& id);

 private:
  using Prefix = std::array<std::uint64_t, 2>;  // Zeros: an empty place.
  struct Shard {
    mutable std::mutex mutex;
    std::vector<Prefix> places;  // Guarded by mutex, as all below. A power of two of them.
    std::size_t used = 0;
    /// Where the prefix stands, or the empty place where it would.
    [[nodiscard]] std::size_t place_of(const Prefix& prefix) const;
    void grow();
  };
  static constexpr std::size_t kShards = 64;
  static Prefix prefix_of(const ChunkId& id);
  Shard& shard_of(const Prefix& prefix) { return shards_[prefix[1] % kShards]; }
  [[nodiscard]] const Shard& shard_of(const Prefix& prefix) const {
    return shards_[prefix[1] % kShards];
  }
  std::array<Shard, kShards> shards_;
};

}  // namespace reprieve::repository
