#pragma once

#include "io/directory.hpp"
#include "storage/object_store.hpp"

namespace reprieve::local {

/// ObjectStore::list() over the files below `root`. Memory: the names of one folder per level.
Result<> list_objects(const io::Directory& root, std::string_view prefix,
                      const ObjectStore::Visit& visit);

}  // namespace reprieve::local
