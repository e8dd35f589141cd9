#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/label.hpp"

/// A pack's own table of contents (docs/format.md section 6). Pure and thread-safe.
namespace reprieve::repository {

/// Record kind under which trailers are sealed.
inline constexpr std::uint8_t kTrailerKind = 9;
/// What seal_metadata() adds: epoch, salt, tag.
inline constexpr std::size_t kTrailerSealBytes = 4 + 32 + crypto::kTagBytes;

struct TrailerContents {
  std::vector<PackContents::Frame> frames;  ///< Ascending, disjoint.
  std::vector<PackContents::Chunk> chunks;
};

/// The plain bytes.
Bytes encode_trailer(std::uint8_t pack_type, std::span<const PackContents::Frame> frames,
                     std::span<const PackContents::Chunk> chunks);
/// Upper bounds of what one frame and one chunk add to encode_trailer().
std::size_t trailer_bytes_of(const PackContents::Frame& frame);
std::size_t trailer_bytes_of(const PackContents::Chunk& chunk);

/// Checks every offset, length and number against `label`. Errors: kCorrupt.
Result<TrailerContents> parse_trailer(ByteView plain, const PackLabel& label);

/// What the trailer's seal binds.
Bytes trailer_associated_data(const RepositoryId& repository,
                              const std::array<std::byte, 32>& session);

/// Opens and parses the sealed trailer of the pack with this label. Errors: kCorrupt; kDenied if
/// the key of its epoch is not held.
Result<TrailerContents> open_trailer(const KeyRing& keys, const PackLabel& label, ByteView sealed);

}  // namespace reprieve::repository
