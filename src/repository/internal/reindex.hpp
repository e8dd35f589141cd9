#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "repository/repository.hpp"

/// Indexes made again from the packs' own trailers.
namespace reprieve::repository {

/// What could not be read, by object name, and why.
struct UnreadablePack {
  std::string object;
  std::string why;
};

/// Reads the trailers of all packs that no index covers and adds them to the Index, in memory only.
/// Packs of sessions without a snapshot may not be durable yet: readers find them,
/// Index::find_settled() does not. What is damaged beyond healing or not ours is passed over.
/// Errors: the store's.
Result<> index_from_trailers(Repository& repository);

struct RebuildReport {
  std::vector<std::string> indexes;  ///< Objects stored (or that would be, if `dry_run`: empty).
  std::uint64_t packs = 0;           ///< Covered by them.
  std::vector<UnreadablePack> unreadable;
};
/// Stores indexes of all packs that no stored index covers, and syncs. With root's key for every
/// writer's packs, else for this writer's own; the others are passed over. Errors: kDenied if the
/// key cannot sign; the store's.
Result<RebuildReport> rebuild_indexes(Repository& repository, bool dry_run);

/// Packs that no stored index covers, by id. Errors: the store's.
Result<std::vector<ObjectInfo>> list_uncovered_packs(Repository& repository);

}  // namespace reprieve::repository
