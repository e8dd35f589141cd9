#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "repository/repository.hpp"
#include "storage/object_store.hpp"

namespace reprieve::repository {

/// Whether an object of this name is to be locked against removal when it is written: all but
/// sessions, marks of replicas and what `repo probe` leaves, which have to be removable.
bool is_to_be_locked(std::string_view key);

/// The names of all objects that have to stay: those that are to be locked but packs that garbage
/// collection has condemned. Errors: the store's; kCorrupt if a plan does not verify.
Result<std::vector<ObjectKey>> needed_objects(const Repository& repository);

}  // namespace reprieve::repository
