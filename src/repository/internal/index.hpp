#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "crypto/crypto.hpp"
#include "repository/internal/key_ring.hpp"

namespace reprieve::repository {

enum class Codec : std::uint8_t { kStored = 0, kZstd = 1 };

/// Where a frame lies and how to open it.
struct FrameLocation {
  PackId pack;
  std::uint32_t offset = 0;         ///< In the object (label included).
  std::uint32_t sealed_length = 0;  ///< Tag included.
  std::uint32_t raw_length = 0;
  crypto::Salt16 salt{};
  Codec codec = Codec::kStored;
  std::uint8_t pack_type = 1;
  std::uint32_t key = 0;  ///< Global number of the session key: Index::session_key().
};

/// Where a chunk lies.
struct ChunkLocation {
  std::uint64_t frame =
      0;  ///< Global number: Index::frame(). Sorting by it sorts by pack and offset.
  std::uint32_t offset = 0;  ///< In the raw frame.
  std::uint32_t length = 0;
};

/// One pack as its writer knows it when it is finished: what a trailer and an index say of it.
struct PackContents {
  struct Frame {
    std::uint32_t offset = 0;  ///< In the body.
    std::uint32_t sealed_length = 0;
    std::uint32_t raw_length = 0;
    Codec codec = Codec::kStored;
    std::uint16_t key = 0;  ///< Number in the label's key table.
    crypto::Salt16 salt{};
  };
  struct Chunk {
    ChunkId id;
    ChunkType type = ChunkType::kData;
    std::uint32_t frame = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    std::vector<ChunkId> children;
  };
  PackId id;
  std::uint8_t pack_type = 1;
  std::uint64_t object_bytes = 0;
  std::uint32_t trailer_length = 0;
  Bytes label;
  std::vector<SessionKeyEntry> keys;
  std::vector<Frame> frames;
  std::vector<Chunk> chunks;
};

/// Builds the plain bytes of an index (docs/format.md section 7) from finished packs, in any order;
/// a pack given twice is taken once. The result depends on the set of packs alone.
Bytes encode_index(std::span<const PackContents> packs);

class IndexView;   // index_view.hpp
struct IndexUnit;  // index_unit.hpp

/// All indexes of a repository, mapped; look-ups touch a filter in memory, then one page. Memory is
/// ten bits for each chunk. Several indexes may have been merged to one that is looked up as one;
/// each is still added, retired and read by its own name. Thread-safe; add() may run beside
/// look-ups.
class Index {
 public:
  Index();
  ~Index();

  /// Whether a writer may rely on what an index names.
  enum class Trust : std::uint8_t {
    kSettled,   ///< Its packs were durable when it was made.
    kReadOnly,  ///< They may vanish yet: a running or abandoned session's, read from trailers.
  };

  /// Validates the plain bytes of one index (every offset, count and order is checked: kCorrupt)
  /// and adds it, unless an index of that name is there. `backing` keeps the bytes alive (a mapping
  /// or an owned buffer); they stay in use as long as the Index lives.
  Result<> add(std::string object_name, std::shared_ptr<const void> backing, ByteView plain,
               Trust trust = Trust::kSettled);
  /// Adds the indexes that `unit` stands for, settled, unless one of them is there; it was parsed
  /// already. Their names are those of their objects.
  void add(const IndexUnit& unit);
  [[nodiscard]] bool has_object(std::string_view object_name) const;
  /// Those that were merged to one stand together.
  [[nodiscard]] std::vector<std::string> objects() const;
  /// Takes an index out of look-ups, since its object is gone from the store. Frame and key numbers
  /// and views handed out before stay good.
  void retire(std::string_view object_name);

  /// The place that the newest index names. Only the id's first 16 bytes are compared: who reads
  /// the chunk checks all of it.
  [[nodiscard]] std::optional<ChunkLocation> find(const ChunkId& id) const;
  /// The same without indexes that are kReadOnly, and only in a pack that `accept` accepts: what
  /// deduplication may rely on. `accept` is given the pack and must not call the Index.
  using AcceptPack = std::function<bool(const PackId&, std::uint8_t pack_type)>;
  [[nodiscard]] std::optional<ChunkLocation> find_settled(const ChunkId& id,
                                                          const AcceptPack& accept = {}) const;
  /// Every place that any index names, newest index first.
  [[nodiscard]] std::vector<ChunkLocation> find_all(const ChunkId& id) const;

  /// One entry of one index. Numbers stay good until the index is retired.
  struct Row {
    std::uint32_t run = 0;  ///< Which index; the upper half of its frames' numbers.
    std::uint32_t number = 0;
    ChunkLocation place;
    PackId pack;
    std::uint8_t pack_type = 1;
    Trust trust = Trust::kSettled;
  };
  /// Calls `visit` with each entry of a chunk until it returns false. It must not call the Index.
  using VisitRow = std::function<bool(const Row&)>;
  void visit_rows_of(const ChunkId& id, const VisitRow& visit) const;
  /// Calls `visit` with every entry of every index, and the chunk's id of which only the first 16
  /// bytes are known. `visit` may call visit_rows_of(), but nothing that changes the Index.
  void visit_rows(const std::function<void(const ChunkId& id, const Row&)>& visit) const;
  /// What indexes say of their packs, for another index to be made of it: ids of chunks with their
  /// first 16 bytes only. Nothing of an index that is not there. Reads all entries of what an index
  /// was merged to, so it is better asked for several that stand together.
  [[nodiscard]] std::vector<PackContents> contents_of(
      std::span<const std::string> object_names) const;

  [[nodiscard]] FrameLocation frame(std::uint64_t number) const;
  [[nodiscard]] SessionKeyEntry session_key(std::uint32_t number) const;

  struct PackRow {
    PackId id;
    std::uint64_t object_bytes = 0;
    std::uint8_t pack_type = 1;
    std::uint32_t trailer_length = 0;
    ByteView label;
  };
  /// Packs of all indexes, each once, by id.
  [[nodiscard]] std::vector<PackRow> packs() const;
  /// Those of one index.
  [[nodiscard]] std::vector<PackRow> packs_of(std::string_view object_name) const;
  [[nodiscard]] std::optional<PackRow> find_pack(const PackId& id) const;
  /// Numbers of a pack's frames, first and how many, in the newest index that has it.
  struct FrameRange {
    std::uint64_t first = 0;
    std::uint32_t count = 0;
  };
  [[nodiscard]] std::optional<FrameRange> frames_of(const PackId& id) const;
  [[nodiscard]] std::uint64_t chunk_count() const;  ///< Entries, so repeated ones count again.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reprieve::repository
