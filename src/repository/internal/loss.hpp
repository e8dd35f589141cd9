#pragma once

#include <set>

#include "base/result.hpp"
#include "repository/internal/pack_check.hpp"
#include "repository/repository.hpp"
#include "repository/verify.hpp"

namespace reprieve::repository {

/// What damage that nothing in the store heals costs: of `packs`, those that are beyond healing or
/// gone, and the chunks that stood in their damaged frames and stand nowhere else. Needs no reading
/// key: shard hashes and indexes tell. Reads the packs and goes through all entries of the indexes.
/// Errors: the store's.
Result<Loss> measure_loss(const Repository& repository, const std::set<PackId>& packs);

/// Whether the bytes from `begin` to `end` of the object are what they were.
bool is_range_whole(const PackCheck& check, std::uint64_t begin, std::uint64_t end);

}  // namespace reprieve::repository
