#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reprieve {

/// A position in the write-ahead log, in bytes from its beginning.
struct Lsn {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(Lsn, Lsn) = default;
};

/// Positions [from, to).
struct LsnRange {
  Lsn from;
  Lsn to;
  [[nodiscard]] std::uint64_t length() const { return to.value - from.value; }
  friend constexpr auto operator<=>(const LsnRange&, const LsnRange&) = default;
};

/// "0/3000060": two halves in upper-case hexadecimal.
std::string format_lsn(Lsn lsn);
std::optional<Lsn> parse_lsn(std::string_view text);

/// A power of two from 1 MiB to 1 GiB.
bool is_wal_segment_size(std::uint64_t size);

/// The number of the segment that `lsn` lies in; a position on a boundary belongs to the later one.
inline std::uint64_t segment_of(Lsn lsn, std::uint64_t segment_size) {
  return lsn.value / segment_size;
}
inline Lsn segment_start(std::uint64_t segment, std::uint64_t segment_size) {
  return Lsn{segment * segment_size};
}

/// The first position of the segment that `lsn` lies in.
inline Lsn segment_floor(Lsn lsn, std::uint64_t segment_size) {
  return segment_start(segment_of(lsn, segment_size), segment_size);
}

/// The file name of a segment: 24 upper-case hexadecimal digits.
struct SegmentName {
  std::uint32_t timeline = 0;
  std::uint64_t segment = 0;
  friend constexpr auto operator<=>(SegmentName, SegmentName) = default;
};
std::string format_segment_name(SegmentName name, std::uint64_t segment_size);
std::optional<SegmentName> parse_segment_name(std::string_view text, std::uint64_t segment_size);

/// "00000002.history".
std::string format_history_name(std::uint32_t timeline);
std::optional<std::uint32_t> parse_history_name(std::string_view text);

}  // namespace reprieve
