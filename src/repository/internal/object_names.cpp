#include "repository/internal/object_names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace reprieve::repository {
namespace {

constexpr std::size_t kGenerationDigits = 8;
constexpr std::size_t kSeqDigits = 16;

/// Exactly `digits` decimal digits.
std::optional<std::uint64_t> parse_digits(std::string_view text, std::size_t digits) {
  if (text.size() != digits) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

/// Lower-case hexadecimal only: one id has one name.
template <std::size_t N>
std::optional<std::array<std::byte, N>> parse_hex_array(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != N || to_hex(*bytes) != text) return std::nullopt;
  std::array<std::byte, N> out{};
  std::ranges::copy(*bytes, out.begin());
  return out;
}

}  // namespace

ObjectKey config_key(std::uint64_t n) {
  return fmt::format("{}{:0{}}", kConfigPrefix, n, kGenerationDigits);
}

ObjectKey gc_key(std::uint64_t n) {
  return fmt::format("{}{:0{}}", kGcPrefix, n, kGenerationDigits);
}

ObjectKey snapshot_key(const WriterId& writer, std::uint64_t seq) {
  return fmt::format("{}{}/{:0{}}", kSnapshotPrefix, to_hex(writer), seq, kSeqDigits);
}

ObjectKey id_key(std::string_view prefix, ByteView id) {
  return std::string{prefix} + to_hex(id);
}

std::optional<crypto::Digest> id_in_key(std::string_view prefix, std::string_view key) {
  if (!key.starts_with(prefix)) return std::nullopt;
  return parse_hex_array<32>(key.substr(prefix.size()));
}

std::optional<std::uint64_t> number_in_key(std::string_view prefix, std::string_view key) {
  if (!key.starts_with(prefix)) return std::nullopt;
  return parse_digits(key.substr(prefix.size()), kGenerationDigits);
}

std::optional<SnapshotName> parse_snapshot_key(std::string_view key) {
  if (!key.starts_with(kSnapshotPrefix)) return std::nullopt;
  const std::string_view rest = key.substr(kSnapshotPrefix.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto writer = parse_hex_array<16>(rest.substr(0, slash));
  const auto seq = parse_digits(rest.substr(slash + 1), kSeqDigits);
  if (!writer || !seq) return std::nullopt;
  return SnapshotName{.writer = *writer, .seq = *seq};
}

}  // namespace reprieve::repository
