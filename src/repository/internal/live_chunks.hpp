#pragma once

#include <map>
#include <set>
#include <span>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/pack_contents.hpp"
#include "repository/repository.hpp"

namespace reprieve::repository {

/// Packs in the store and their lengths in bytes.
using PackSizes = std::map<PackId, std::uint64_t>;

/// Which chunks snapshots need: found by the child ids in tree packs' trailers, for which the
/// metadata key does. One bit per entry of an index, and the ids of trees that wait to be visited.
/// Not thread-safe; repository and token must outlive it.
class LiveChunks {
 public:
  LiveChunks(const Repository& repository, const CancelToken& cancel)
      : repository_{repository}, cancel_{cancel} {}

  /// Marks `roots` and all below them that is not marked yet. `packs`: where chunks are looked for.
  /// Errors: kCorrupt if a chunk is in none of them, or a trailer that is needed cannot be read:
  /// then marks are incomplete, and forget() must come before the next mark(); the store's.
  Result<> mark(std::span<const ChunkId> roots, const PackSizes& packs);
  /// Takes all marks away.
  void forget();

  [[nodiscard]] bool is_marked(const ChunkId& id, const Index::Row& row) const;
  [[nodiscard]] bool has(const ChunkId& id) const;

 private:
  Result<> reach(const ChunkId& id);
  Result<> visit(const PackId& pack, std::vector<ChunkId> ids);
  Result<> look_elsewhere(const std::vector<ChunkId>& ids, const Error& why);
  bool set(const Index::Row& row);
  [[nodiscard]] bool test(const Index::Row& row) const;

  const Repository& repository_;
  const CancelToken& cancel_;
  const PackSizes* packs_ = nullptr;  // During mark() only.
  std::vector<std::vector<bool>> marks_;
  std::map<PackId, std::vector<ChunkId>> waiting_;
  std::set<PackId> unreadable_;
};

}  // namespace reprieve::repository
