#pragma once

#include "base/result.hpp"
#include "storage/object_store.hpp"

namespace reprieve::repository {

/// A whole object of at most `size_max` bytes, even if parts of it cannot be read any more (a bad
/// sector fails the read with kCorrupt): those parts come back as zeros, 4 KiB at a time, and the
/// caller finds and heals them like any damage. Errors: kNotFound; kExhausted above `size_max`;
/// the store's.
Result<Bytes> read_around_bad_sectors(ObjectStore& store, const ObjectKey& key, ByteCount size_max);

}  // namespace reprieve::repository
