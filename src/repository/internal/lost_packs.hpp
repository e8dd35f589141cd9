#pragma once

#include <set>

#include "base/result.hpp"
#include "repository/internal/index.hpp"
#include "storage/object_store.hpp"

namespace reprieve::repository {

/// Packs that the index names and the store has not, or not in their length. One listing; needs no
/// memory for packs that are there. Errors: the store's.
Result<std::set<PackId>> find_lost_packs(ObjectStore& store, const Index& index);

}  // namespace reprieve::repository
