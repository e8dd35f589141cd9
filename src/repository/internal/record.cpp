#include "repository/internal/record.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/codec.hpp"

namespace reprieve::repository {
namespace {

constexpr std::string_view kMagic = "RPRV";
constexpr std::uint8_t kVersion = 1;
/// How many starts of a copy are tried: hostile bytes may hold a great many.
constexpr std::size_t kCopiesMax = 8;

std::size_t padded(std::size_t bytes) {
  return (bytes + kTwinAlignment - 1) / kTwinAlignment * kTwinAlignment;
}

/// The record that starts at `at`, if its header is there and its length fits.
std::optional<ByteView> record_at(ByteView object, std::size_t at) {
  if (at > object.size() || object.size() - at < kRecordHeaderBytes) return std::nullopt;
  const ByteView rest = object.subspan(at);
  if (as_text(rest.first(kMagic.size())) != kMagic) return std::nullopt;
  const std::size_t body = Decoder{rest.subspan(8, 4)}.u32();
  if (rest.size() - kRecordHeaderBytes < body) return std::nullopt;
  return rest.first(kRecordHeaderBytes + body);
}

/// Every place where a copy may start: the two that there should be, and any other, for an object
/// that was cut off has its middle elsewhere.
std::vector<ByteView> copies_in(ByteView object) {
  std::vector<ByteView> copies;
  const std::size_t middle = object.size() / 2;
  const auto add = [&](std::size_t at) {
    if (const auto copy = record_at(object, at); copy && copies.size() < kCopiesMax)
      copies.push_back(*copy);
  };
  add(0);
  if (middle > 0) add(middle);
  for (std::size_t at = kTwinAlignment; at < object.size(); at += kTwinAlignment) {
    if (at != middle) add(at);
  }
  return copies;
}

bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

bool is_twin_of(ByteView object, ByteView record) {
  const std::size_t half = padded(record.size());
  if (object.size() != 2 * half) return false;
  for (const ByteView copy : {object.first(half), object.subspan(half)}) {
    if (!std::ranges::equal(copy.first(record.size()), record)) return false;
    if (!is_zero(copy.subspan(record.size()))) return false;
  }
  return true;
}

}  // namespace

Bytes encode_record_header(RecordKind kind, std::size_t body_bytes) {
  REPRIEVE_ASSERT(body_bytes <= std::numeric_limits<std::uint32_t>::max());
  Encoder out;
  out.raw(as_bytes(kMagic));
  out.u8(static_cast<std::uint8_t>(kind));
  out.u8(kVersion);
  out.u16(0);
  out.u32(static_cast<std::uint32_t>(body_bytes));
  return std::move(out).take();
}

Bytes encode_record(RecordKind kind, ByteView body) {
  Bytes record = encode_record_header(kind, body.size());
  record.insert(record.end(), body.begin(), body.end());
  return record;
}

Bytes encode_signed_record(RecordKind kind, ByteView body, const crypto::SigningKey& signer) {
  Bytes record = encode_record_header(kind, body.size() + kSignatureBytes);
  record.reserve(record.size() + body.size() + kSignatureBytes);
  record.insert(record.end(), body.begin(), body.end());
  const crypto::Signature signature = signer.sign(record);
  record.insert(record.end(), signature.begin(), signature.end());
  return record;
}

Result<ByteView> parse_record(ByteView record, RecordKind kind) {
  Decoder in{record};
  const ByteView magic = in.raw(kMagic.size());
  const std::uint8_t stored_kind = in.u8();
  const std::uint8_t version = in.u8();
  const std::uint16_t zero = in.u16();
  const std::uint32_t length = in.u32();
  if (!in.ok() || as_text(magic) != kMagic || stored_kind != static_cast<std::uint8_t>(kind))
    return Error{ErrorKind::kCorrupt, "not a record of the kind that its name promises"};
  if (version != kVersion) {
    return Error{ErrorKind::kInvalid, "record version " + std::to_string(version) + " is not known",
                 "Use a newer version of reprieve."};
  }
  if (zero != 0 || length != in.remaining())
    return Error{ErrorKind::kCorrupt, "record header does not fit its record"};
  return record.subspan(kRecordHeaderBytes);
}

Result<ByteView> parse_signed_record(ByteView record, RecordKind kind) {
  REPRIEVE_TRY(const ByteView body, parse_record(record, kind));
  if (body.size() < kSignatureBytes)
    return Error{ErrorKind::kCorrupt, "record has no room for its signature"};
  return body.first(body.size() - kSignatureBytes);
}

bool is_signed_by(ByteView record, const crypto::PublicKey& key) {
  if (record.size() < kRecordHeaderBytes + kSignatureBytes) return false;
  crypto::Signature signature{};
  std::ranges::copy(record.last(kSignatureBytes), signature.begin());
  return crypto::verify_signature(key, record.first(record.size() - kSignatureBytes), signature);
}

std::size_t twin_size(std::size_t record_bytes) {
  return 2 * padded(record_bytes);
}

Bytes encode_twin(ByteView record) {
  Bytes object(twin_size(record.size()));
  std::ranges::fill(object, std::byte{0});
  std::ranges::copy(record, object.begin());
  std::ranges::copy(record, object.begin() + static_cast<std::ptrdiff_t>(object.size() / 2));
  return object;
}

Result<TwinCopy> read_twin(ByteView object, const AcceptRecord& accept) {
  std::optional<Error> failure;
  for (const ByteView record : copies_in(object)) {
    auto accepted = accept(record);
    if (accepted) return TwinCopy{.record = record, .is_whole = is_twin_of(object, record)};
    // A refusal that a person can act on says more than "damaged".
    if (!failure || failure->kind == ErrorKind::kCorrupt) failure = std::move(accepted).error();
  }
  if (failure && failure->kind != ErrorKind::kCorrupt) return *std::move(failure);
  return Error{ErrorKind::kCorrupt,
               failure ? "no copy verifies (" + failure->what + ")" : "holds no record at all"};
}

Result<StoredRecord> read_twin_object(ObjectStore& store, const ObjectKey& key,
                                      std::size_t record_max, const AcceptRecord& accept) {
  auto object = store.get(key, ByteCount{twin_size(record_max)});
  if (!object) {
    if (object.error().kind != ErrorKind::kExhausted) return std::move(object).error().at(key);
    return Error{ErrorKind::kCorrupt, key + ": larger than such an object can be"};
  }
  auto copy = read_twin(*object, accept);
  if (!copy) return std::move(copy).error().at(key);
  return StoredRecord{.record = copy_of(copy->record), .is_whole = copy->is_whole};
}

AcceptRecord accept_by_name(const ObjectKey& key) {
  return [key](ByteView record) -> Result<> {
    if (!key.ends_with(to_hex(crypto::sha256(record))))
      return Error{ErrorKind::kCorrupt, "bytes do not have the hash in the name"};
    return kOk;
  };
}

}  // namespace reprieve::repository
