#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "repository/repository.hpp"

/// Streams: rows of bytes with positions, as logs are, stored piece by piece (docs/format.md
/// section 13). Pieces are immutable, stand on nothing and belong to no session.
namespace reprieve::repository {

/// Writer 16 | random 16: nobody but that writer can sign a piece of it.
using StreamId = std::array<std::byte, 32>;

/// No piece holds more.
inline constexpr std::uint64_t kStreamPieceMax = 16 * 1024 * 1024;
/// What a piece's header may have.
inline constexpr std::size_t kStreamHeaderMax = 1024 * 1024;

/// Positions [from, to), never empty.
struct StreamRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  [[nodiscard]] std::uint64_t length() const { return to - from; }
  friend constexpr auto operator<=>(const StreamRange&, const StreamRange&) = default;
};

struct StreamPiece {
  StreamId stream{};
  StreamRange range;
  friend constexpr auto operator<=>(const StreamPiece&, const StreamPiece&) = default;
};

ObjectKey stream_piece_key(const StreamPiece& piece);
/// Nothing if `key` does not name a piece.
std::optional<StreamPiece> stream_piece_in_key(std::string_view key);

/// Stores pieces. Holds the key of one agreement, which cannot open again what it sealed. Not
/// thread-safe; the repository must outlive it.
class StreamWriter {
 public:
  /// Errors: kDenied if the key may not write.
  static Result<StreamWriter> begin(const Repository& repository);

  /// The id of a new stream of this key.
  [[nodiscard]] StreamId new_stream();
  /// Whether the stream is this key's, so that put() can go on with it.
  [[nodiscard]] bool owns(const StreamId& stream) const;

  /// Seals and stores `bytes` as the piece that begins at `from`; durable on return. Takes twice
  /// the bytes in memory. The same piece may be put again after a failure; if the store has it
  /// already, that is success: a writer does not read it back. Errors: kInvalid if there are no
  /// bytes or more than a piece may have, or if the stream is another key's; the store's.
  Result<> put(const StreamId& stream, std::uint64_t from, std::string_view header, ByteView bytes);

 private:
  struct State;

 public:
  explicit StreamWriter(std::shared_ptr<State> state) : state_{std::move(state)} {}

 private:
  std::shared_ptr<State> state_;
};

/// Reads pieces. Thread-safe; the repository must outlive it.
class StreamReader {
 public:
  explicit StreamReader(const Repository& repository);
  /// Out of `store`, which holds the same repository, as a replica does, and must outlive it.
  StreamReader(const Repository& repository, ObjectStore& store);

  /// All pieces in the store, or those of one stream, by name, in order of stream, from, to: what
  /// is listed was not proved yet. Errors: the store's.
  [[nodiscard]] Result<std::vector<StreamPiece>> list() const;
  [[nodiscard]] Result<std::vector<StreamPiece>> list(const StreamId& stream) const;

  /// As list(), with what each takes in the store.
  struct Object {
    StreamPiece piece;
    ByteCount size;
  };
  [[nodiscard]] Result<std::vector<Object>> list_objects() const;

  /// The header. Errors: as read().
  [[nodiscard]] Result<std::string> header(const StreamPiece& piece) const;

  struct Contents {
    std::string header;
    Bytes bytes;  ///< As many as the range is long.
  };
  /// Proved by signature, seals and chunk ids; healed in memory from parity if need be. Errors:
  /// kNotFound; kCorrupt; kDenied if the key cannot read, or a revoked member wrote it; the
  /// store's.
  [[nodiscard]] Result<Contents> read(const StreamPiece& piece) const;

 private:
  [[nodiscard]] Result<std::vector<StreamPiece>> list_below(std::string_view prefix) const;
  [[nodiscard]] Result<std::vector<Object>> list_objects_below(std::string_view prefix) const;
  const Repository& repository_;
  ObjectStore& store_;
};

}  // namespace reprieve::repository
