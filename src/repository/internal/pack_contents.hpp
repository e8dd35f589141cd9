#pragma once

#include "base/result.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/label.hpp"
#include "storage/object_store.hpp"

namespace reprieve::repository {

/// What a pack says of itself.
struct PackReading {
  PackLabel label;
  PackContents contents;
};

/// Reads a pack's label and trailer, and no more of it unless they are damaged; then the whole
/// pack, to heal them in memory. Checks that a writer of this repository signed the label.
/// `object_bytes` as the store lists it. `known_label`: a copy from an index, if there is one.
/// Errors: kCorrupt; kDenied if the metadata key of the trailer's epoch is not held; the store's.
Result<PackReading> read_pack_contents(ObjectStore& store, const KeyRing& keys, const PackId& id,
                                       std::uint64_t object_bytes, ByteView known_label = {});

}  // namespace reprieve::repository
