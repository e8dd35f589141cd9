#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "io/file.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve {

/// What a receiver holds on its own disk of one timeline's log: files of one segment each, named as
/// the server names them, without a gap; the last one ends where the log does. Not thread-safe but
/// for read().
class WalSpool {
 public:
  struct Shape {
    std::uint32_t timeline = 0;
    std::uint64_t segment_size = 0;
  };

  /// Takes up what is in `folder`, which is made if need be. Errors: kCorrupt if there is a gap in
  /// it; those of the file system.
  static Result<WalSpool> open(std::string folder, Shape shape);

  /// What is held; nothing while there is nothing.
  [[nodiscard]] const std::optional<LsnRange>& held() const { return held_; }

  /// Bytes that follow on what is held, or begin it at a segment's start, or were held already.
  /// Where they differ from what is held they replace it and all behind them, unless that lies
  /// before `settled`: then kConflict, for somebody relies on it. Errors: kExhausted; kInvalid for
  /// a gap.
  Result<> write(Lsn at, ByteView bytes, Lsn settled);

  /// Makes durable what was written. A failure is final.
  Result<> sync();

  /// Fills `out` from `from` on. Thread-safe beside write() for what is held. Errors: kCorrupt if
  /// it is not held.
  Result<> read(Lsn from, MutableByteView out) const;

  /// Removes the segments that end at or before `lsn`, but never the last one.
  Result<> drop_before(Lsn lsn);

 private:
  WalSpool(std::string folder, Shape shape) : folder_{std::move(folder)}, shape_{shape} {}
  [[nodiscard]] std::string path_of(std::uint64_t segment) const;
  Result<> take_up();
  Result<> open_segment(std::uint64_t segment);
  Result<std::size_t> compare(Lsn at, ByteView bytes, Lsn settled);

  std::string folder_;
  Shape shape_;
  std::optional<LsnRange> held_;
  std::optional<std::uint64_t> open_segment_;
  io::FileHandle file_;  ///< Of open_segment_, for writing.
  bool is_dirty_ = false;
  bool is_new_ = false;  ///< The folder's names are not durable yet.
};

}  // namespace reprieve
