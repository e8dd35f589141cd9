#include "source/postgresql/wal_scanner.hpp"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/codec.hpp"
#include "source/postgresql/postgres_time.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kShortPageHeader = 24;
constexpr std::uint16_t kFirstIsContinuation = 0x0001;
constexpr std::uint16_t kLongHeader = 0x0002;
constexpr std::uint16_t kFirstIsOverwritten = 0x0008;
/// Of all servers from 13 on the magic begins so.
constexpr std::uint16_t kMagicHigh = 0xD100;
/// XLogRecordMaxSize, a little more than which no server writes.
constexpr std::uint32_t kRecordMax = 1020U * 1024 * 1024;
constexpr std::uint64_t kAlignment = 8;

constexpr std::uint8_t kXlogManager = 0;
constexpr std::uint8_t kXactManager = 1;
constexpr std::uint8_t kXlogSwitch = 0x40;
constexpr std::uint8_t kXlogRestorePoint = 0x70;
constexpr std::uint8_t kXactOperation = 0x70;
constexpr std::size_t kRestorePointName = 64;

std::uint32_t crc32c(std::uint32_t crc, ByteView bytes) {
  // ISA-L neither inverts before nor after.
  while (!bytes.empty()) {
    const ByteView part = bytes.first(std::min<std::size_t>(bytes.size(), 1U << 30));
    crc = crc32_iscsi(const_cast<unsigned char*>(as_u8(part.data())), static_cast<int>(part.size()),
                      crc);
    bytes = bytes.subspan(part.size());
  }
  return crc;
}

/// Where the main data of a record without blocks begins (xlogrecord.h); nothing for one that has
/// blocks, or none.
std::optional<ByteView> main_data(ByteView data) {
  Decoder in{data};
  while (in.ok() && !in.at_end()) {
    switch (in.u8()) {
      case 255: {
        const std::size_t length = in.u8();
        return in.remaining() < length ? std::nullopt : std::optional{in.raw(length)};
      }
      case 254: {
        const std::size_t length = in.u32();  // Only the beginning is kept.
        return in.ok() ? std::optional{in.raw(std::min(length, in.remaining()))} : std::nullopt;
      }
      case 253:
        in.u16();
        break;  // Of which replication origin.
      case 252:
        in.u32();
        break;  // Of which top-level transaction.
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

WalScanner::WalScanner(Lsn start, std::uint64_t segment_size, std::uint32_t page_size, Visit visit)
    : segment_size_{segment_size},
      page_size_{page_size},
      visit_{std::move(visit)},
      position_{start},
      proved_until_{start} {
  REPRIEVE_ASSERT(page_size >= 512 && segment_size % page_size == 0 &&
                  start.value % page_size == 0);
}

Error WalScanner::corrupt(std::string_view what) const {
  return Error{ErrorKind::kCorrupt,
               "write-ahead log at " + format_lsn(position_) + ": " + std::string{what}};
}

std::size_t WalScanner::page_offset() const {
  return static_cast<std::size_t>(position_.value % page_size_);
}

Result<> WalScanner::feed(ByteView bytes) {
  while (!bytes.empty()) {
    if (is_to_segment_end_) {
      const std::uint64_t left = segment_size_ - position_.value % segment_size_;
      const std::size_t taken =
          static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size()));
      position_.value += taken;
      bytes = bytes.subspan(taken);
      is_to_segment_end_ = taken < left;
      continue;
    }
    std::size_t taken = 0;
    if (page_offset() == 0 || page_header_size_ > 0) {
      taken = take_page_header(bytes);
      position_.value += taken;
      if (page_header_has_ == page_header_size_) REPRIEVE_RETURN_IF_ERROR(end_page_header());
    } else {
      const std::size_t in_page = page_size_ - page_offset();
      taken = take_record(bytes.first(std::min(bytes.size(), in_page)));
      position_.value += taken;
      if (header_has_ == kRecordHeader && data_left_ == UINT64_MAX)
        REPRIEVE_RETURN_IF_ERROR(begin_record());
      if (header_has_ == kRecordHeader && data_left_ == 0) REPRIEVE_RETURN_IF_ERROR(end_record());
    }
    bytes = bytes.subspan(taken);
  }
  return kOk;
}

std::size_t WalScanner::take_page_header(ByteView bytes) {
  if (page_header_size_ == 0) {
    page_header_has_ = 0;
    // A segment's first page has the long one.
    page_header_size_ = position_.value % segment_size_ == 0 ? kLongPageHeader : kShortPageHeader;
  }
  const std::size_t taken = std::min(bytes.size(), page_header_size_ - page_header_has_);
  std::ranges::copy(bytes.first(taken),
                    page_header_.begin() + static_cast<std::ptrdiff_t>(page_header_has_));
  page_header_has_ += taken;
  return taken;
}

Result<> WalScanner::end_page_header() {
  const std::size_t size = std::exchange(page_header_size_, 0);
  Decoder in{ByteView{page_header_}.first(size)};
  const std::uint16_t magic = in.u16();
  const std::uint16_t info = in.u16();
  in.u32();  // The timeline: of a segment's copy it may be an earlier one.
  const std::uint64_t address = in.u64();
  const std::uint32_t remaining = in.u32();
  if ((magic & 0xFF00) != kMagicHigh || address != position_.value - size ||
      ((info & kLongHeader) != 0) != (size == kLongPageHeader))
    return corrupt("no page's header stands here");
  const bool continues = (info & kFirstIsContinuation) != 0;
  if (!is_synchronised_) {
    is_synchronised_ = true;
    skipping_ = continues ? remaining : 0;
    return kOk;
  }
  if (skipping_ > 0 && continues && remaining == skipping_) return kOk;
  // A server that crashed in the middle of a record goes on without the rest of it.
  if ((info & kFirstIsOverwritten) != 0) {
    header_has_ = 0;
    skipping_ = 0;
    return kOk;
  }
  const std::uint64_t expected = header_has_ == 0 ? 0
                                 : header_has_ < kRecordHeader
                                     ? Decoder{ByteView{header_}.first(4)}.u32() - header_has_
                                     : data_left_;
  if (skipping_ > 0 || expected != (continues ? remaining : 0))
    return corrupt("the record before does not go on here");
  return kOk;
}

std::size_t WalScanner::take_record(ByteView bytes) {
  if (skipping_ > 0) {
    const std::size_t taken =
        static_cast<std::size_t>(std::min<std::uint64_t>(skipping_, bytes.size()));
    skipping_ -= taken;
    return taken;
  }
  if (header_has_ == 0) {
    const std::size_t gap = (kAlignment - position_.value % kAlignment) % kAlignment;
    if (gap > 0) return std::min(gap, bytes.size());
    record_start_ = position_;
    data_left_ = UINT64_MAX;
  }
  if (header_has_ < kRecordHeader) {
    const std::size_t taken = std::min(bytes.size(), kRecordHeader - header_has_);
    std::ranges::copy(bytes.first(taken),
                      header_.begin() + static_cast<std::ptrdiff_t>(header_has_));
    header_has_ += taken;
    return taken;
  }
  const std::size_t taken =
      static_cast<std::size_t>(std::min<std::uint64_t>(data_left_, bytes.size()));
  const ByteView part = bytes.first(taken);
  crc_ = crc32c(crc_, part);
  const std::size_t kept = std::min(taken, kKept - std::min(kKept, kept_.size()));
  kept_.insert(kept_.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(kept));
  data_left_ -= taken;
  return taken;
}

Result<> WalScanner::begin_record() {
  const std::uint32_t total = Decoder{ByteView{header_}.first(4)}.u32();
  if (total < kRecordHeader || total > kRecordMax) {
    position_ = record_start_;
    return corrupt("no record stands here");
  }
  data_left_ = total - kRecordHeader;
  crc_ = UINT32_MAX;
  kept_.clear();
  return kOk;
}

Result<> WalScanner::end_record() {
  constexpr std::size_t kCrcAt = 20;
  const std::uint32_t crc = ~crc32c(crc_, ByteView{header_}.first(kCrcAt));
  if (crc != Decoder{ByteView{header_}.subspan(kCrcAt)}.u32()) {
    position_ = record_start_;
    return corrupt("the record's checksum is wrong");
  }
  header_has_ = 0;
  proved_until_ = position_;
  tell();
  return kOk;
}

void WalScanner::tell() {
  const auto info = std::to_integer<std::uint8_t>(header_[16]) & 0xF0U;
  const auto manager = std::to_integer<std::uint8_t>(header_[17]);
  if (manager == kXlogManager && info == kXlogSwitch) {
    is_to_segment_end_ = position_.value % segment_size_ != 0;
    return;
  }
  WalEvent event;
  event.start = record_start_;
  event.end = position_;
  event.xid = Decoder{ByteView{header_}.subspan(4, 4)}.u32();
  const bool is_restore_point = manager == kXlogManager && info == kXlogRestorePoint;
  if (is_restore_point) {
    event.kind = WalEvent::Kind::kRestorePoint;
  } else if (manager == kXactManager) {
    switch (info & kXactOperation) {
      case 0x00:
      case 0x30:
        event.kind = WalEvent::Kind::kCommit;
        break;
      case 0x20:
      case 0x40:
        event.kind = WalEvent::Kind::kAbort;
        break;
      default:
        return;
    }
  } else {
    return;
  }
  const auto data = main_data(kept_);
  if (!data || data->size() < 8) return;
  Decoder in{*data};
  event.time = instant_of_postgres(in.i64());
  if (is_restore_point) {
    const std::string_view name = as_text(in.raw(std::min(in.remaining(), kRestorePointName)));
    event.name = name.substr(0, name.find('\0'));
  }
  visit_(event);
}

}  // namespace reprieve
