#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/strong.hpp"
#include "crypto/crypto.hpp"
#include "repository/credentials.hpp"
#include "storage/object_store.hpp"

/// Names of objects (docs/format.md section 3), and what a name says.
namespace reprieve::repository {

/// SHA-256 of a session's record.
using SessionId = std::array<std::byte, 32>;

inline constexpr std::string_view kConfigPrefix = "config/";
inline constexpr std::string_view kSlotPrefix = "slots/";
inline constexpr std::string_view kPackPrefix = "pack/";
inline constexpr std::string_view kIndexPrefix = "idx/";
inline constexpr std::string_view kSnapshotPrefix = "snap/";
inline constexpr std::string_view kSessionPrefix = "sess/";
inline constexpr std::string_view kGcPrefix = "gc/";
inline constexpr std::string_view kTombPrefix = "tomb/";
inline constexpr std::string_view kHoldPrefix = "hold/";
inline constexpr std::string_view kLossPrefix = "loss/";
inline constexpr std::string_view kStreamPrefix = "stream/";
inline constexpr std::string_view kKitPrefix = "kit/";
inline constexpr std::string_view kReplicaPrefix = "replica/";

ObjectKey config_key(std::uint64_t n);
ObjectKey gc_key(std::uint64_t n);
ObjectKey snapshot_key(const WriterId& writer, std::uint64_t seq);
/// For slots, indexes, sessions, tombs, holds and losses; for packs see label.hpp.
ObjectKey id_key(std::string_view prefix, ByteView id);

/// The id in a name made by id_key(). Nothing if it is no such name.
std::optional<crypto::Digest> id_in_key(std::string_view prefix, std::string_view key);
/// The number in a name made by config_key() or gc_key(). Nothing if it is no such name.
std::optional<std::uint64_t> number_in_key(std::string_view prefix, std::string_view key);

struct SnapshotName {
  WriterId writer{};
  std::uint64_t seq = 0;
};
std::optional<SnapshotName> parse_snapshot_key(std::string_view key);

}  // namespace reprieve::repository
