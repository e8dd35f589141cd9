#include "source/postgresql/lsn.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>

namespace reprieve {
namespace {

constexpr std::uint64_t kSegmentSizeMin = 1ULL << 20;
constexpr std::uint64_t kSegmentSizeMax = 1ULL << 30;

/// All of `text`, upper or lower case, as a number of at most 32 bits.
std::optional<std::uint32_t> parse_hex32(std::string_view text) {
  if (text.empty() || text.size() > 8) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// File names carry exactly eight upper-case digits: another spelling would be another file.
std::optional<std::uint32_t> parse_field(std::string_view text) {
  if (text.size() != 8 || text.find_first_not_of("0123456789ABCDEF") != std::string_view::npos)
    return std::nullopt;
  return parse_hex32(text);
}

}  // namespace

std::string format_lsn(Lsn lsn) {
  return fmt::format("{:X}/{:X}", lsn.value >> 32, lsn.value & 0xFFFFFFFFU);
}

std::optional<Lsn> parse_lsn(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto high = parse_hex32(text.substr(0, slash));
  const auto low = parse_hex32(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return Lsn{(std::uint64_t{*high} << 32) | *low};
}

bool is_wal_segment_size(std::uint64_t size) {
  return std::has_single_bit(size) && size >= kSegmentSizeMin && size <= kSegmentSizeMax;
}

std::string format_segment_name(SegmentName name, std::uint64_t segment_size) {
  // The middle field counts 4 GiB "logs", the last one the segments in a log.
  const std::uint64_t per_log = (1ULL << 32) / segment_size;
  return fmt::format("{:08X}{:08X}{:08X}", name.timeline, name.segment / per_log,
                     name.segment % per_log);
}

std::optional<SegmentName> parse_segment_name(std::string_view text, std::uint64_t segment_size) {
  if (text.size() != 24 || !is_wal_segment_size(segment_size)) return std::nullopt;
  const auto timeline = parse_field(text.substr(0, 8));
  const auto log = parse_field(text.substr(8, 8));
  const auto segment = parse_field(text.substr(16, 8));
  const std::uint64_t per_log = (1ULL << 32) / segment_size;
  if (!timeline || *timeline == 0 || !log || !segment || *segment >= per_log) return std::nullopt;
  return SegmentName{*timeline, *log * per_log + *segment};
}

std::string format_history_name(std::uint32_t timeline) {
  return fmt::format("{:08X}.history", timeline);
}

std::optional<std::uint32_t> parse_history_name(std::string_view text) {
  if (text.size() != 16 || !text.ends_with(".history")) return std::nullopt;
  return parse_field(text.substr(0, 8));
}

}  // namespace reprieve
