#pragma once

#include <span>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/snapshot.hpp"

/// Snapshots as bytes, in three layers: clear, under the metadata key, under the session's key
/// (docs/format.md section 8). Pure.
namespace reprieve::repository {

/// What a snapshot's record says without a key; views point into the record.
struct SnapshotEnvelope {
  RepositoryId repository{};
  WriterId writer{};
  std::uint64_t seq = 0;
  std::array<std::byte, 32> session{};
  bool is_final = true;
  SnapshotId previous;
  std::vector<SnapshotHead> seen;
  Instant time;
  std::uint64_t gc_seen = 0;
  ByteView clear;  ///< All of the above as bytes: what both seals bind.
  ByteView sealed_metadata;
  ByteView sealed_description;
};

/// The record of `snapshot`, all members but `id` given, signed by the key ring's writer.
/// `snapshot.writer` must be that writer. `session` seals the description.
/// Errors: kInvalid if it would be larger than 16 MiB.
Result<Bytes> encode_snapshot(const Snapshot& snapshot, std::span<const SnapshotHead> seen,
                              const KeyRing& keys, const KeyRing::Session& session,
                              RandomSource& random);

SnapshotId snapshot_id_of(ByteView record);

/// Structure only; needs no key. Errors: kCorrupt; kInvalid for a newer record version.
Result<SnapshotEnvelope> parse_snapshot_envelope(ByteView record);

/// The same, and checks that a writer of this repository signed it. Needs no key of its epoch.
/// Errors: kCorrupt; kInvalid for a newer record version.
Result<SnapshotEnvelope> parse_signed_snapshot(ByteView record, const KeyRing& keys);

/// Checks that a writer of this repository signed it and opens what the keys can open: without a
/// reading key the description stays empty. Errors: kCorrupt; kDenied without the metadata key.
Result<Snapshot> parse_snapshot(ByteView record, const KeyRing& keys);

/// The parts inside, for parse_snapshot(). Errors: kCorrupt.
Bytes encode_snapshot_metadata(const ListRef& root, const Statistics& statistics);
Result<> parse_snapshot_metadata(ByteView bytes, Snapshot& out);
std::string encode_description(const Description& description);
Result<Description> parse_description(ByteView text);

}  // namespace reprieve::repository
