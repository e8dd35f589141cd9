#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/pack_check.hpp"
#include "repository/stream.hpp"

/// A piece of a stream as an object: a pack whose label is bound to stream and positions
/// (docs/format.md section 13).
namespace reprieve::repository {

/// What stands in the label where a pack's has its session.
std::array<std::byte, 32> stream_binding(const StreamPiece& piece);

bool is_stream_of(const StreamId& stream, const WriterId& writer);

/// A label of this piece in `object`, the front one or the tail's, that is signed by the
/// stream's writer, one of `signers`, and the name that it gives the pack. Nothing if there is
/// none.
struct StreamLabel {
  PackId id;
  PackLabel label;
};
std::optional<StreamLabel> find_stream_label(const StreamPiece& piece, ByteView object,
                                             std::span<const crypto::PublicKey> signers);

/// What the piece holds, proved as StreamReader::read() does. Errors: as read(), but the store's.
Result<StreamReader::Contents> open_stream_object(const Repository& repository,
                                                  const StreamPiece& piece, ByteView object);

}  // namespace reprieve::repository
