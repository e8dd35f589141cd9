#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tree/entry.hpp"

namespace reprieve::mount {

/// Where each byte of a file comes from. Immutable.
class FileMap {
 public:
  /// `chunks` are those of `content`, lists expanded. Errors: kCorrupt if they do not add up to its
  /// size.
  static Result<FileMap> make(const Content& content, std::vector<ChunkRef> chunks);

  /// Bytes of one chunk, of the inline bytes, or zeros of a hole.
  struct Piece {
    enum class Kind : std::uint8_t { kChunk, kInline, kZeros };
    Kind kind = Kind::kZeros;
    std::size_t chunk = 0;   ///< Number; kChunk only.
    std::size_t offset = 0;  ///< In the chunk or the inline bytes.
    std::size_t length = 0;
    friend bool operator==(const Piece&, const Piece&) = default;
  };
  /// What `length` bytes from `offset` on are made of, in order; ends with the file.
  [[nodiscard]] std::vector<Piece> pieces(std::uint64_t offset, std::size_t length) const;

  [[nodiscard]] const ChunkRef& chunk(std::size_t number) const { return chunks_[number]; }
  [[nodiscard]] std::size_t chunk_count() const { return chunks_.size(); }
  [[nodiscard]] const Bytes& inline_bytes() const { return inline_bytes_; }
  /// What it takes of memory.
  [[nodiscard]] std::size_t size_bytes() const;

 private:
  /// A run between holes.
  struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t stored = 0;  ///< Where it starts in what is stored.
  };

  std::uint64_t size_ = 0;
  Bytes inline_bytes_;
  std::vector<ChunkRef> chunks_;
  std::vector<std::uint64_t> starts_;  // Of each chunk in what is stored.
  std::vector<Extent> extents_;
};

/// lseek(2) with SEEK_DATA (`is_for_data`) or SEEK_HOLE; nothing stands for ENXIO.
std::optional<std::uint64_t> seek_content(const Content& content, std::uint64_t offset,
                                          bool is_for_data);

}  // namespace reprieve::mount
