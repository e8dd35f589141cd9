#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"
#include "base/codec.hpp"

namespace reprieve {

/// For tests: a log as a server writes it, from the start of a segment on.
class TestWalLog {
 public:
  static constexpr std::uint32_t kPage = 8192;
  static constexpr std::uint64_t kSegment = 1024 * 1024;

  explicit TestWalLog(std::uint64_t start) : start_{start} {}

  void record(std::uint8_t manager, std::uint8_t info, ByteView data, std::uint32_t xid = 7) {
    Encoder head;
    head.u32(static_cast<std::uint32_t>(24 + data.size()));
    head.u32(xid);
    head.u64(0);
    head.u8(info);
    head.u8(manager);
    head.u16(0);
    Encoder checked;
    checked.raw(data);
    checked.raw(head.view());
    head.u32(plain_crc32c(checked.view()));
    head.raw(data);
    pad();
    append(head.view());
  }
  /// A commit or abort with its time, behind an origin and a top-level transaction.
  void transaction(std::uint8_t info, std::int64_t us, std::size_t more = 0) {
    Encoder data;
    data.u8(253);
    data.u16(1);
    data.u8(252);
    data.u32(3);
    data.u8(254);
    data.u32(static_cast<std::uint32_t>(8 + more));
    data.i64(us);
    data.raw(Bytes(more, std::byte{0xEE}));
    record(1, info, data.view());
  }
  void restore_point(std::string_view name, std::int64_t us) {
    Encoder data;
    data.u8(255);
    data.u8(72);
    data.i64(us);
    data.raw(as_bytes(name));
    data.raw(Bytes(64 - name.size(), std::byte{0}));
    record(0, 0x70, data.view());
  }
  void filler(std::size_t size) { record(10, 0, Bytes(size, std::byte{0x55})); }
  /// The server crashes in the middle of a record, and goes on at the next page.
  void lost_record(std::size_t written) {
    Encoder head;
    head.u32(1'000'000);
    head.raw(Bytes(written, std::byte{1}));
    pad();
    append(head.view());
    while (bytes_.size() % kPage != 0)
      bytes_.push_back(std::byte{0});
    overwrites_ = true;
  }
  void switch_segment() {
    record(0, 0x40, {});
    zeros_to_segment_end();
  }
  void zeros_to_segment_end() {
    while (bytes_.size() % kSegment != 0)
      bytes_.push_back(std::byte{0});
  }
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t end() const { return start_ + bytes_.size(); }

 private:
  /// CRC-32C by its definition (RFC 3720, appendix B.4), bit by bit.
  static std::uint32_t plain_crc32c(ByteView bytes) {
    std::uint32_t crc = UINT32_MAX;
    for (const std::byte b : bytes) {
      crc ^= std::to_integer<std::uint32_t>(b);
      for (int bit = 0; bit < 8; ++bit)
        crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    }
    return ~crc;
  }
  void pad() {
    while (bytes_.size() % 8 != 0)
      bytes_.push_back(std::byte{0});
  }
  void append(ByteView record) {
    std::size_t left = record.size();
    for (const std::byte b : record) {
      if (bytes_.size() % kPage == 0) page_header(left == record.size() ? 0 : left);
      bytes_.push_back(b);
      --left;
    }
  }
  void page_header(std::size_t remaining) {
    const bool is_long = bytes_.size() % kSegment == 0;
    Encoder header;
    header.u16(0xD110);
    header.u16(static_cast<std::uint16_t>((remaining > 0 ? 1 : 0) | (is_long ? 2 : 0) |
                                          (std::exchange(overwrites_, false) ? 8 : 0)));
    header.u32(1);
    header.u64(start_ + bytes_.size());
    header.u32(static_cast<std::uint32_t>(remaining));
    header.u32(0);
    if (is_long) header.raw(Bytes(16, std::byte{0}));
    bytes_.insert(bytes_.end(), header.view().begin(), header.view().end());
  }
  std::uint64_t start_;
  Bytes bytes_;
  bool overwrites_ = false;
};

}  // namespace reprieve
