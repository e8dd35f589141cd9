#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "storage/object_store.hpp"

/// Records and twins: the frame around every object but packs (docs/format.md section 3). Pure but
/// for read_twin_object().
namespace reprieve::repository {

/// Values are stored. kTrailer is no record of its own: it only separates the keys of trailers.
enum class RecordKind : std::uint8_t {
  kConfig = 1,
  kSlot = 2,
  kIndex = 3,
  kSnapshot = 4,
  kSession = 5,
  kGc = 6,
  kTomb = 7,
  // 8 was set aside and never written.
  kTrailer = 9,
  kHold = 10,
  kLoss = 11,
};

inline constexpr std::size_t kRecordHeaderBytes = 12;
inline constexpr std::size_t kSignatureBytes = 64;
inline constexpr std::size_t kTwinAlignment = 4096;

/// What a reader accepts of one record, in bytes.
inline constexpr std::size_t kConfigBytesMax = 1024 * 1024;
inline constexpr std::size_t kSlotBytesMax = 64 * 1024;
inline constexpr std::size_t kSnapshotBytesMax = 16 * 1024 * 1024;
inline constexpr std::size_t kSessionBytesMax = 4096;
inline constexpr std::size_t kGcBytesMax = 256 * 1024 * 1024;
inline constexpr std::size_t kTombBytesMax = 4096;
inline constexpr std::size_t kHoldBytesMax = 8192;
inline constexpr std::size_t kLossBytesMax = 4096;
inline constexpr std::size_t kIndexBytesMax = 1024 * 1024 * 1024;

/// The 12 bytes that start a record whose body has `body_bytes` bytes, signature included.
Bytes encode_record_header(RecordKind kind, std::size_t body_bytes);
Bytes encode_record(RecordKind kind, ByteView body);
/// `body` without its signature; that is made here.
Bytes encode_signed_record(RecordKind kind, ByteView body, const crypto::SigningKey& signer);

/// The body of a record; the bytes must be one record and nothing else. Errors: kCorrupt; kInvalid
/// (with the hint to upgrade) for a newer record version.
Result<ByteView> parse_record(ByteView record, RecordKind kind);
/// The same without the signature at the end, which is not checked here.
Result<ByteView> parse_signed_record(ByteView record, RecordKind kind);
/// Whether the last 64 bytes of a record are `key`'s signature of all before.
bool is_signed_by(ByteView record, const crypto::PublicKey& key);

/// A record stored twice: record | zeros to a multiple of 4096 | the same again.
Bytes encode_twin(ByteView record);
/// How large the object of a record of `record_bytes` is.
std::size_t twin_size(std::size_t record_bytes);

/// Decides whether a copy is good: by its name's hash, a signature, or a tag.
using AcceptRecord = std::function<Result<>(ByteView record)>;

/// The good copy in a twin; `record` points into the object.
struct TwinCopy {
  ByteView record;
  bool is_whole = true;  ///< False: the other copy, or padding, is damaged; the record is good.
};
/// Takes the first copy that `accept` accepts, also from an object that is cut off or has bytes
/// added. Errors: kCorrupt if there is none; else what `accept` said of one (kInvalid for a newer
/// version).
Result<TwinCopy> read_twin(ByteView object, const AcceptRecord& accept);

/// A record that was read from a store.
struct StoredRecord {
  Bytes record;
  bool is_whole = true;
};
/// Reads and chooses. `record_max`: the largest record accepted, bytes. Errors: kNotFound; those of
/// read_twin() with the name in front; the store's. An object that is too large is kCorrupt.
Result<StoredRecord> read_twin_object(ObjectStore& store, const ObjectKey& key,
                                      std::size_t record_max, const AcceptRecord& accept);
/// Accepts a record whose SHA-256 is the id in `key`, which ends in 64 hexadecimal digits.
AcceptRecord accept_by_name(const ObjectKey& key);

}  // namespace reprieve::repository
