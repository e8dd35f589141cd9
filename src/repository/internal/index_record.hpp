#pragma once

#include "base/random.hpp"
#include "base/result.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/object_names.hpp"

/// An index's plain bytes as a sealed, signed record and back (docs/format.md section 7). Pure.
namespace reprieve::repository {

/// Session id of an index that was made again from trailers.
inline constexpr SessionId kNoSession{};

/// What an index's record says without a key; views point into the record.
struct IndexEnvelope {
  RepositoryId repository{};
  WriterId signer{};
  SessionId session{};
  ByteView clear;  ///< All of the above as bytes: what the seal binds.
  ByteView sealed;
};

/// Errors: kInvalid if it would pass 1 GiB.
Result<Bytes> encode_index_record(const SessionId& session, ByteView plain, const KeyRing& keys,
                                  const crypto::SigningKey& signer, RandomSource& random);

/// Structure only; needs no key. Errors: kCorrupt; kInvalid for a newer record version.
Result<IndexEnvelope> parse_index_envelope(ByteView record);

/// The plain bytes, once all is proved: the signature; that the labels are those of the packs; that
/// the signer may speak for each of them (its own packs; root for all). Errors: kCorrupt; kDenied
/// if the metadata key of its epoch is not held.
Result<Bytes> open_index_record(ByteView record, const KeyRing& keys);

}  // namespace reprieve::repository
