#include "repository/internal/stream_object.hpp"

#include <algorithm>

#include "base/codec.hpp"

namespace reprieve::repository {
namespace {

constexpr std::size_t kLengthAt = 8;  // Of a label's own length.

std::uint32_t u32_at(ByteView bytes, std::size_t at) {
  return Decoder{bytes.subspan(at, 4)}.u32();
}

std::optional<ByteView> front_label(ByteView object) {
  if (object.size() < kLabelFixedBytes) return std::nullopt;
  const std::size_t length = u32_at(object, kLengthAt);
  if (length > object.size()) return std::nullopt;
  return object.first(length);
}

std::optional<ByteView> tail_label(ByteView object) {
  if (object.size() < kLocatorBytes) return std::nullopt;
  const std::size_t before = object.size() - kLocatorBytes;
  const std::size_t length = u32_at(object, before);
  if (length > before) return std::nullopt;
  return object.subspan(before - length, length);
}

std::optional<StreamLabel> proved(const StreamPiece& piece, std::optional<ByteView> bytes,
                                  std::span<const crypto::PublicKey> signers) {
  if (!bytes) return std::nullopt;
  auto label = parse_label(*bytes);
  if (!label || label->pack_type != kStreamPack || label->session != stream_binding(piece) ||
      !is_stream_of(piece.stream, label->writer))
    return std::nullopt;
  const bool is_signed = std::ranges::any_of(
      signers, [&](const crypto::PublicKey& key) { return label_is_signed_by(*bytes, key); });
  if (!is_signed) return std::nullopt;
  return StreamLabel{pack_id_of(*bytes), *std::move(label)};
}

}  // namespace

std::array<std::byte, 32> stream_binding(const StreamPiece& piece) {
  Encoder out;
  out.raw(as_bytes("reprieve stream"));
  out.raw(piece.stream);
  out.u64(piece.range.from);
  out.u64(piece.range.to);
  return crypto::sha256(out.view());
}

bool is_stream_of(const StreamId& stream, const WriterId& writer) {
  return std::ranges::equal(ByteView{stream}.first(writer.size()), writer);
}

std::optional<StreamLabel> find_stream_label(const StreamPiece& piece, ByteView object,
                                             std::span<const crypto::PublicKey> signers) {
  if (auto front = proved(piece, front_label(object), signers)) return front;
  return proved(piece, tail_label(object), signers);
}

}  // namespace reprieve::repository
