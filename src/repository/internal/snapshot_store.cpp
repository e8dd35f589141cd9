#include "repository/internal/snapshot_store.hpp"

#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

/// The head that a name stands for. A damaged record's id cannot be known and stays zero: the chain
/// goes on behind it, and check tells of the damage.
Result<SnapshotHead> head_of(ObjectStore& store, const KeyRing& keys, const SnapshotName& name) {
  SnapshotHead head{.writer = name.writer, .seq = name.seq, .id = {}};
  auto stored = read_signed_snapshot(store, keys, name);
  if (stored) {
    head.id = stored->id;
  } else if (stored.error().kind != ErrorKind::kCorrupt) {
    return std::move(stored).error();
  }
  return head;
}

}  // namespace

Result<std::vector<SnapshotName>> list_snapshots(ObjectStore& store) {
  std::vector<SnapshotName> names;
  REPRIEVE_RETURN_IF_ERROR(store.list(kSnapshotPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (const auto name = parse_snapshot_key(object.key)) names.push_back(*name);
    return kOk;
  }));
  return names;
}

Result<StoredSnapshot> read_snapshot(ObjectStore& store, const KeyRing& keys,
                                     const SnapshotName& name) {
  StoredSnapshot out;
  const auto accept = [&](ByteView record) -> Result<> {
    REPRIEVE_TRY(out.snapshot, parse_snapshot(record, keys));
    if (out.snapshot.writer != name.writer || out.snapshot.seq != name.seq)
      return Error{ErrorKind::kCorrupt, "snapshot: stands under another one's name"};
    REPRIEVE_TRY(SnapshotEnvelope envelope, parse_snapshot_envelope(record));
    out.seen = std::move(envelope.seen);
    return kOk;
  };
  REPRIEVE_TRY(
      const StoredRecord stored,
      read_twin_object(store, snapshot_key(name.writer, name.seq), kSnapshotBytesMax, accept));
  out.is_whole = stored.is_whole;
  return out;
}

Result<SignedSnapshot> read_signed_snapshot(ObjectStore& store, const KeyRing& keys,
                                            const SnapshotName& name) {
  SignedSnapshot out;
  const auto accept = [&](ByteView record) -> Result<> {
    REPRIEVE_TRY(const SnapshotEnvelope envelope, parse_signed_snapshot(record, keys));
    if (envelope.writer != name.writer || envelope.seq != name.seq)
      return Error{ErrorKind::kCorrupt, "snapshot: stands under another one's name"};
    out = {
        .id = snapshot_id_of(record), .session = envelope.session, .is_final = envelope.is_final};
    return kOk;
  };
  REPRIEVE_TRY(
      [[maybe_unused]] const StoredRecord stored,
      read_twin_object(store, snapshot_key(name.writer, name.seq), kSnapshotBytesMax, accept));
  return out;
}

Result<std::vector<SnapshotHead>> read_heads(ObjectStore& store, const KeyRing& keys) {
  REPRIEVE_TRY(const auto names, list_snapshots(store));
  std::vector<SnapshotHead> heads;
  for (std::size_t i = 0; i < names.size(); ++i) {
    // Names come in order: the last of a writer is its newest.
    if (i + 1 < names.size() && names[i + 1].writer == names[i].writer) continue;
    REPRIEVE_TRY(const SnapshotHead head, head_of(store, keys, names[i]));
    heads.push_back(head);
  }
  return heads;
}

Result<SnapshotHead> latest_head(ObjectStore& store, const KeyRing& keys, const WriterId& writer) {
  REPRIEVE_TRY(const auto names, list_snapshots(store));
  SnapshotName newest{.writer = writer, .seq = 0};
  for (const SnapshotName& name : names) {
    if (name.writer == writer && name.seq > newest.seq) newest = name;
  }
  if (newest.seq == 0) return SnapshotHead{.writer = writer, .seq = 0, .id = {}};
  return head_of(store, keys, newest);
}

}  // namespace reprieve::repository
