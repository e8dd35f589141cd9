#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace reprieve {

/// Appends values in the one encoding that every object of ours uses: little-endian fixed-width
/// integers, LEB128 for variable ones, a varint length before byte strings.
class Encoder {
 public:
  void u8(std::uint8_t v) { out_.push_back(static_cast<std::byte>(v)); }
  void u16(std::uint16_t v) { fixed(v); }
  void u32(std::uint32_t v) { fixed(v); }
  void u64(std::uint64_t v) { fixed(v); }
  void i64(std::int64_t v) { fixed(static_cast<std::uint64_t>(v)); }
  void varint(std::uint64_t v) {
    while (v >= 0x80) {
      u8(static_cast<std::uint8_t>(v | 0x80));
      v >>= 7;
    }
    u8(static_cast<std::uint8_t>(v));
  }
  /// Signed values of small magnitude stay short (zigzag).
  void zigzag(std::int64_t v) {
    varint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
  }
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void bytes(ByteView b) {
    varint(b.size());
    raw(b);
  }
  void text(std::string_view t) { bytes(as_bytes(t)); }

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] ByteView view() const { return out_; }
  Bytes take() && { return std::move(out_); }

 private:
  template <class T>
  void fixed(T v) {
    for (std::size_t i = 0; i < sizeof v; ++i)
      u8(static_cast<std::uint8_t>(v >> (8 * i)));
  }
  Bytes out_;
};

/// Reads what Encoder wrote, from bytes that nobody vouches for. Every getter checks its bounds;
/// after the first failure all further getters return zero values, so a parser may read a whole
/// record and ask ok() once. Views point into the input.
class Decoder {
 public:
  explicit Decoder(ByteView input) : rest_{input} {}

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  std::int64_t i64() { return static_cast<std::int64_t>(fixed<std::uint64_t>()); }
  std::uint64_t varint();
  std::int64_t zigzag() {
    const std::uint64_t v = varint();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }
  ByteView raw(std::size_t length);
  /// A byte string of at most `limit` bytes.
  ByteView bytes(std::size_t limit);
  std::string text(std::size_t limit) { return std::string{as_text(bytes(limit))}; }
  /// A count that cannot be larger than what is left can hold at `min_size` (one or more) bytes per
  /// element.
  std::size_t count(std::size_t min_size);
  template <std::size_t N>
  std::array<std::byte, N> array() {
    std::array<std::byte, N> out{};
    const ByteView in = raw(N);
    if (ok()) std::memcpy(out.data(), in.data(), N);
    return out;
  }

  /// Marks the input as bad; for checks that the parser itself makes.
  void fail() {
    failed_ = true;
    rest_ = {};
  }
  [[nodiscard]] bool ok() const { return !failed_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  /// kOk if everything was read and nothing failed; else kCorrupt, naming `what`.
  Result<> finish(std::string_view what) const;

 private:
  template <class T>
  T fixed() {
    const ByteView in = raw(sizeof(T));
    if (!ok()) return 0;
    T v = 0;
    for (std::size_t i = 0; i < sizeof v; ++i)
      v = static_cast<T>(v | static_cast<T>(std::to_integer<T>(in[i]) << (8 * i)));
    return v;
  }
  ByteView rest_;
  bool failed_ = false;
};

}  // namespace reprieve
