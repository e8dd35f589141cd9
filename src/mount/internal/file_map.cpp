#include "mount/internal/file_map.hpp"

#include <algorithm>

#include "tree/tree_codec.hpp"

namespace reprieve::mount {

Result<FileMap> FileMap::make(const Content& content, std::vector<ChunkRef> chunks) {
  REPRIEVE_RETURN_IF_ERROR(check_chunks(content, chunks));
  FileMap map;
  map.size_ = content.size;
  map.inline_bytes_ = content.inline_bytes;
  map.chunks_ = std::move(chunks);
  std::uint64_t stored = 0;
  map.starts_.reserve(map.chunks_.size());
  for (const ChunkRef& chunk : map.chunks_) {
    map.starts_.push_back(stored);
    stored += chunk.length;
  }
  std::uint64_t at = 0;
  stored = 0;
  const auto add = [&](std::uint64_t end) {
    if (end > at) map.extents_.push_back({at, end - at, stored});
    stored += end - at;
  };
  for (const Hole& hole : content.holes) {
    add(hole.offset);
    at = hole.offset + hole.length;
  }
  add(content.size);
  return map;
}

std::vector<FileMap::Piece> FileMap::pieces(std::uint64_t offset, std::size_t length) const {
  std::vector<Piece> pieces;
  if (offset >= size_) return pieces;
  const std::uint64_t end = std::min<std::uint64_t>(size_, offset + length);
  auto extent = std::ranges::upper_bound(extents_, offset, {}, &Extent::offset);
  if (extent != extents_.begin()) --extent;
  while (offset < end) {
    while (extent != extents_.end() && extent->offset + extent->length <= offset)
      ++extent;
    const std::uint64_t data = extent == extents_.end() ? end : std::min(end, extent->offset);
    if (offset < data) {
      pieces.push_back({Piece::Kind::kZeros, 0, 0, static_cast<std::size_t>(data - offset)});
      offset = data;
      continue;
    }
    const std::uint64_t stored = extent->stored + (offset - extent->offset);
    const std::uint64_t left = std::min(end, extent->offset + extent->length) - offset;
    Piece piece{Piece::Kind::kInline, 0, static_cast<std::size_t>(stored),
                static_cast<std::size_t>(left)};
    if (!chunks_.empty()) {
      const auto next = std::ranges::upper_bound(starts_, stored);
      piece.kind = Piece::Kind::kChunk;
      piece.chunk = static_cast<std::size_t>(next - starts_.begin()) - 1;
      piece.offset = static_cast<std::size_t>(stored - starts_[piece.chunk]);
      piece.length = static_cast<std::size_t>(
          std::min<std::uint64_t>(left, chunks_[piece.chunk].length - piece.offset));
    }
    pieces.push_back(piece);
    offset += piece.length;
  }
  return pieces;
}

std::size_t FileMap::size_bytes() const {
  return sizeof *this + inline_bytes_.size() +
         chunks_.size() * (sizeof(ChunkRef) + sizeof(std::uint64_t)) +
         extents_.size() * sizeof(Extent);
}

std::optional<std::uint64_t> seek_content(const Content& content, std::uint64_t offset,
                                          bool is_for_data) {
  if (offset >= content.size) return std::nullopt;
  for (const Hole& hole : content.holes) {
    const std::uint64_t end = hole.offset + hole.length;
    if (end <= offset) continue;
    if (!is_for_data) return std::max(offset, hole.offset);
    if (offset < hole.offset) return offset;
    offset = end;
  }
  if (!is_for_data) return content.size;
  if (offset >= content.size) return std::nullopt;
  return offset;
}

}  // namespace reprieve::mount
