#pragma once

#include <vector>

#include "base/result.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/snapshot_record.hpp"
#include "repository/repository.hpp"
#include "storage/object_store.hpp"

/// Snapshots in the store: listing, reading, and what the next one chains to.
namespace reprieve::repository {

/// Names of all snapshots, by writer and seq. Errors: the store's.
Result<std::vector<SnapshotName>> list_snapshots(ObjectStore& store);

struct StoredSnapshot {
  Snapshot snapshot;
  std::vector<SnapshotHead> seen;  ///< Of other writers, when it was made.
  bool is_whole = true;            ///< False: one of the two copies is damaged.
};
/// Errors: kNotFound; kCorrupt; the store's.
Result<StoredSnapshot> read_snapshot(ObjectStore& store, const KeyRing& keys,
                                     const SnapshotName& name);

/// What a snapshot says in the clear, its signature checked: for who was not handed the keys of its
/// epoch, too.
struct SignedSnapshot {
  SnapshotId id;
  std::array<std::byte, 32> session{};
  bool is_final = true;
};
/// Errors: as read_snapshot().
Result<SignedSnapshot> read_signed_snapshot(ObjectStore& store, const KeyRing& keys,
                                            const SnapshotName& name);

/// The newest snapshot of each writer, damaged or tombed ones included. Errors: the store's.
Result<std::vector<SnapshotHead>> read_heads(ObjectStore& store, const KeyRing& keys);
/// That of one writer; seq 0 if it has none. Errors: the store's.
Result<SnapshotHead> latest_head(ObjectStore& store, const KeyRing& keys, const WriterId& writer);

}  // namespace reprieve::repository
