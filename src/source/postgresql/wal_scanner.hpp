#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve {

/// What a record of the write-ahead log says of time.
struct WalEvent {
  enum class Kind : std::uint8_t { kCommit, kAbort, kRestorePoint };
  Kind kind = Kind::kCommit;
  Lsn start;
  Lsn end;  ///< Recovery that stops here has replayed it.
  Instant time;
  std::uint32_t xid = 0;
  std::string name;  ///< kRestorePoint, raw bytes.
};

/// Reads a write-ahead log as it comes, in pieces of any length: proves each record by its CRC-32C
/// and tells those that have a time. Knows pages and record headers of servers 13 to 17
/// (xlog_internal.h, xlogrecord.h, xact.h of the PostgreSQL sources), and of contents nothing but
/// those. Pure; memory is bounded, whatever the length of a record. Not thread-safe.
class WalScanner {
 public:
  using Visit = std::function<void(const WalEvent&)>;

  /// `start` lies on a page's start, as every segment does; records are looked at from the first
  /// that begins there on. `page_size`: the server's wal_block_size.
  WalScanner(Lsn start, std::uint64_t segment_size, std::uint32_t page_size, Visit visit);

  /// The next bytes. Errors: kCorrupt, naming the position: a page or a record is not what a server
  /// writes. Nothing can be fed after an error.
  Result<> feed(ByteView bytes);

  /// Where the next byte belongs.
  [[nodiscard]] Lsn position() const { return position_; }
  /// The end of the last record that was whole and right; the start before there is one.
  [[nodiscard]] Lsn proved_until() const { return proved_until_; }

 private:
  static constexpr std::size_t kRecordHeader = 24;
  static constexpr std::size_t kLongPageHeader = 40;
  static constexpr std::size_t kKept = 512;  ///< Of a record's data: more than what is looked for.

  [[nodiscard]] std::size_t page_offset() const;
  [[nodiscard]] bool is_in_page_header() const;
  std::size_t take_page_header(ByteView bytes);
  Result<> end_page_header();
  std::size_t take_record(ByteView bytes);
  Result<> begin_record();
  Result<> end_record();
  void tell();
  [[nodiscard]] Error corrupt(std::string_view what) const;

  const std::uint64_t segment_size_;
  const std::uint32_t page_size_;
  const Visit visit_;
  Lsn position_;
  Lsn proved_until_;

  std::array<std::byte, kLongPageHeader> page_header_{};
  std::size_t page_header_has_ = 0;
  std::size_t page_header_size_ = 0;  ///< 0 while none is being read.

  /// Before the first record that begins in what was fed: what is left of an earlier one.
  std::uint64_t skipping_ = 0;
  bool is_synchronised_ = false;    ///< Past the first page header.
  bool is_to_segment_end_ = false;  ///< After a switch of segments: only zeros.

  Lsn record_start_;
  std::array<std::byte, kRecordHeader> header_{};
  std::size_t header_has_ = 0;   ///< 0: between records.
  std::uint64_t data_left_ = 0;  ///< Of the record, behind its header.
  std::uint32_t crc_ = 0;
  Bytes kept_;
};

}  // namespace reprieve
