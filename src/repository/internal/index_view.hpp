#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "repository/internal/index.hpp"

namespace reprieve::repository {

/// The plain bytes of one index, read in place (docs/format.md section 7). All that a row says was
/// checked by parse(), so the getters cannot fail; they assert their row numbers. A view: the bytes
/// must outlive it. Thread-safe.
class IndexView {
 public:
  /// Checks every offset, count and order, not what the labels say. Errors: kCorrupt.
  static Result<IndexView> parse(ByteView plain);

  struct Frame {
    std::uint32_t pack = 0;
    std::uint32_t offset = 0;
    std::uint32_t sealed_length = 0;
    std::uint32_t raw_length = 0;
    crypto::Salt16 salt{};
    std::uint16_t key = 0;
    Codec codec = Codec::kStored;
    std::uint8_t type = 1;
  };
  struct Pack {
    Index::PackRow row;
    std::uint32_t number = 0;
    std::uint32_t first_frame = 0;
    std::uint32_t frames = 0;
  };
  struct Chunk {
    ByteView id_prefix;  ///< 16 bytes.
    std::uint32_t frame = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
  };

  [[nodiscard]] std::uint32_t pack_count() const { return packs_; }
  [[nodiscard]] std::uint32_t key_count() const { return keys_; }
  [[nodiscard]] std::uint32_t frame_count() const { return frames_; }
  [[nodiscard]] std::uint64_t chunk_count() const { return chunks_; }
  [[nodiscard]] std::uint64_t bytes() const { return plain_.size(); }
  [[nodiscard]] Pack pack(std::uint32_t number) const;
  [[nodiscard]] SessionKeyEntry key(std::uint32_t number) const;
  [[nodiscard]] Frame frame(std::uint32_t number) const;
  [[nodiscard]] Chunk chunk(std::uint64_t row) const;

  /// The first row whose id is not less; chunk_count() if there is none. Touches a page or two.
  [[nodiscard]] std::uint64_t lower_bound(const ChunkId& id) const;
  [[nodiscard]] bool is_row_of(std::uint64_t row, const ChunkId& id) const;
  [[nodiscard]] std::optional<Pack> find_pack(const PackId& id) const;

  /// All but the labels, which prove themselves by their packs' names.
  [[nodiscard]] ByteView without_labels() const { return plain_.first(labels_at_); }

 private:
  IndexView() = default;
  [[nodiscard]] Result<> check_packs() const;
  [[nodiscard]] Result<> check_frames() const;
  [[nodiscard]] Result<> check_chunks() const;
  [[nodiscard]] ByteView row_bytes(std::size_t at, std::size_t row_size, std::uint64_t row) const {
    return plain_.subspan(at + row_size * row, row_size);
  }
  [[nodiscard]] std::uint64_t prefix_of(std::uint64_t row) const;
  [[nodiscard]] bool is_less(std::uint64_t row, const ChunkId& id) const;

  ByteView plain_;
  std::uint32_t packs_ = 0;
  std::uint32_t keys_ = 0;
  std::uint32_t frames_ = 0;
  std::uint32_t label_bytes_ = 0;
  std::uint64_t chunks_ = 0;
  std::size_t packs_at_ = 0;
  std::size_t keys_at_ = 0;
  std::size_t frames_at_ = 0;
  std::size_t chunks_at_ = 0;
  std::size_t labels_at_ = 0;
};

/// Sizes of the parts, for both directions.
inline constexpr std::size_t kIndexHeaderBytes = 32;
inline constexpr std::size_t kIndexPackBytes = 64;
inline constexpr std::size_t kIndexKeyBytes = 56;
inline constexpr std::size_t kIndexFrameBytes = 36;
inline constexpr std::size_t kIndexChunkBytes = 28;
inline constexpr std::size_t kIndexIdBytes = 16;
inline constexpr std::string_view kIndexMagic = "RPIX";
inline constexpr std::uint32_t kIndexVersion = 1;

constexpr std::size_t aligned_to_8(std::size_t bytes) {
  return (bytes + 7) / 8 * 8;
}

}  // namespace reprieve::repository
