#include "repository/internal/label.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/codec.hpp"

namespace reprieve::repository {

namespace {

constexpr std::string_view kMagic = "RPPK";
constexpr std::string_view kEndMagic = "RPPE";
constexpr std::uint8_t kLabelVersion = 1;
constexpr std::size_t kLengthAt = 8;  // Of the field that holds the label's own length.

std::uint32_t read_u32(ByteView bytes) {
  return Decoder{bytes}.u32();
}

void parse_fields(Decoder& in, PackLabel& label) {
  if (as_text(in.raw(4)) != kMagic || in.u8() != kLabelVersion) return in.fail();
  label.pack_type = in.u8();
  if (label.pack_type < kDataPack || label.pack_type > kStreamPack) return in.fail();
  if (in.u16() != 0 || in.u32() != label.label_bytes) return in.fail();
  label.repository = in.array<16>();
  label.writer = in.array<16>();
  label.session = in.array<32>();
  label.trailer_offset = in.u32();
  label.trailer_length = in.u32();
  label.geometry.shard_bytes = in.u32();
  label.geometry.data = in.u16();
  label.geometry.parity = in.u16();
  const std::uint64_t used = std::uint64_t{label.trailer_offset} + label.trailer_length;
  if (!in.ok() || used == 0 || used > kPackBodyMax) return in.fail();
  if (label.geometry != shard_geometry(static_cast<std::uint32_t>(used))) return in.fail();
  const std::size_t keys = in.u16();
  if (keys == 0 || keys > kLabelKeysMax) return in.fail();
  if (label.label_bytes != label_length(keys, label.geometry.shards())) return in.fail();
  for (std::size_t i = 0; i < keys; ++i) {
    SessionKeyEntry key;
    key.ephemeral = in.array<32>();
    key.epoch = in.u32();
    key.commitment = in.array<16>();
    label.keys.push_back(key);
  }
  for (std::size_t i = 0; i < label.geometry.shards(); ++i)
    label.shard_hashes.push_back(in.array<32>());
  in.raw(64);  // The signature: label_is_signed_by() looks at it.
}

/// The label that starts at `at` by its own length field, if its hash is `id`.
std::optional<ByteView> label_at(const PackId& id, ByteView object, std::size_t at) {
  if (at > object.size() || object.size() - at < label_length(1, 3)) return std::nullopt;
  const ByteView rest = object.subspan(at);
  if (as_text(rest.first(4)) != kMagic) return std::nullopt;
  const std::size_t length = read_u32(rest.subspan(kLengthAt, 4));
  if (length > rest.size() || length > kLabelBytesMax) return std::nullopt;
  const ByteView label = rest.first(length);
  if (pack_id_of(label) != id) return std::nullopt;
  return label;
}

/// Looks backwards for a tail copy whose locator is lost or cut off. A hostile object may hold many
/// beginnings, so only a few are hashed.
std::optional<ByteView> search_tail(const PackId& id, ByteView object) {
  const std::size_t reach = std::min(object.size(), kLabelBytesMax + kLocatorBytes);
  const std::size_t start = object.size() - reach;
  std::string_view text = as_text(object.subspan(start));
  int tries = 64;
  for (auto at = text.rfind(kMagic); at != std::string_view::npos; at = text.rfind(kMagic)) {
    if (start + at == 0 || tries-- == 0) break;  // At 0 stands the front copy.
    if (auto label = label_at(id, object, start + at)) return label;
    text = text.substr(0, at + kMagic.size() - 1);
  }
  return std::nullopt;
}

}  // namespace

Bytes encode_label(const PackLabel& label, const crypto::SigningKey& writer) {
  REPRIEVE_ASSERT(label.shard_hashes.size() == label.geometry.shards());
  REPRIEVE_ASSERT(!label.keys.empty() && label.keys.size() <= kLabelKeysMax);
  Encoder out;
  out.raw(as_bytes(kMagic));
  out.u8(kLabelVersion);
  out.u8(label.pack_type);
  out.u16(0);
  const std::size_t length = label_length(label.keys.size(), label.shard_hashes.size());
  out.u32(static_cast<std::uint32_t>(length));
  out.raw(label.repository);
  out.raw(label.writer);
  out.raw(label.session);
  out.u32(label.trailer_offset);
  out.u32(label.trailer_length);
  out.u32(label.geometry.shard_bytes);
  out.u16(label.geometry.data);
  out.u16(label.geometry.parity);
  out.u16(static_cast<std::uint16_t>(label.keys.size()));
  for (const SessionKeyEntry& key : label.keys) {
    out.raw(key.ephemeral);
    out.u32(key.epoch);
    out.raw(key.commitment);
  }
  for (const crypto::Digest& hash : label.shard_hashes)
    out.raw(hash);
  out.raw(writer.sign(out.view()));
  REPRIEVE_ASSERT(out.size() == length);
  return std::move(out).take();
}

Result<PackLabel> parse_label(ByteView bytes) {
  if (bytes.size() > kLabelBytesMax) return Error{ErrorKind::kCorrupt, "pack label is too long"};
  PackLabel label;
  label.label_bytes = bytes.size();
  Decoder in{bytes};
  parse_fields(in, label);
  REPRIEVE_RETURN_IF_ERROR(in.finish("pack label"));
  return label;
}

std::optional<WriterId> writer_in_label(ByteView label) {
  constexpr std::size_t kAt = 4 + 1 + 1 + 2 + 4 + sizeof(RepositoryId);
  if (label.size() < kAt + sizeof(WriterId)) return std::nullopt;
  WriterId writer{};
  std::ranges::copy(label.subspan(kAt, writer.size()), writer.begin());
  return writer;
}

bool label_is_signed_by(ByteView label, const crypto::PublicKey& key) {
  const auto parsed = parse_label(label);
  if (!parsed || parsed->writer != writer_id_of(key)) return false;
  crypto::Signature signature;
  const std::size_t signed_bytes = label.size() - signature.size();
  std::ranges::copy(label.subspan(signed_bytes), signature.begin());
  return crypto::verify_signature(key, label.first(signed_bytes), signature);
}

PackId pack_id_of(ByteView label) {
  return PackId{crypto::sha256(label)};
}

ObjectKey pack_key(const PackId& id) {
  return id_key(kPackPrefix, id.bytes);
}

std::optional<PackId> pack_id_in_key(std::string_view key) {
  const auto id = id_in_key(kPackPrefix, key);
  if (!id) return std::nullopt;
  return PackId{*id};
}

LabelCopies find_label(const PackId& id, ByteView object) {
  LabelCopies copies;
  copies.front = label_at(id, object, 0);
  if (object.size() >= kLocatorBytes) {
    const ByteView locator = object.last(kLocatorBytes);
    const std::size_t length = read_u32(locator.first(4));
    const std::size_t before = object.size() - kLocatorBytes;
    if (as_text(locator.last(4)) == kEndMagic && length <= before) {
      copies.tail = label_at(id, object, before - length);
      copies.locator_is_good = copies.tail && copies.tail->size() == length;
    }
  }
  if (!copies.tail) copies.tail = search_tail(id, object);
  return copies;
}

}  // namespace reprieve::repository
