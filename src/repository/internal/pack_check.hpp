#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "repository/internal/label.hpp"

/// What anybody can prove and heal of a pack without a key. Pure and thread-safe.
namespace reprieve::repository {

/// What is wrong with a pack's object, if anything.
struct PackCheck {
  std::optional<PackLabel> label;  ///< From any good copy; without it nothing else is known.
  Bytes label_bytes;
  bool front_is_good = false;
  bool tail_is_good = false;  ///< The second label, at its place, and the locator.
  bool size_is_good = false;
  /// Where each shard's bytes stand in the object; nothing for a damaged shard.
  std::vector<std::optional<std::size_t>> shard_at;
  std::vector<std::uint16_t> bad_shards;  ///< Ascending.

  [[nodiscard]] bool is_whole() const {
    return front_is_good && tail_is_good && size_is_good && bad_shards.empty();
  }
  [[nodiscard]] bool is_healable() const {
    return label && bad_shards.size() <= label->geometry.parity;
  }
  /// "3 of 68 shards damaged, front label damaged"; empty if the pack is whole.
  [[nodiscard]] std::string describe() const;
};

/// Hashes every byte of `object`. `known_label` (from an index) stands in if both copies are lost;
/// it is used only if its hash is `id`.
PackCheck check_pack(const PackId& id, ByteView object, ByteView known_label = {});

/// The body of a pack, damaged shards computed anew. `check` is check_pack()'s answer about the
/// same `object`. Errors: kCorrupt if too much is lost.
Result<Bytes> heal_body(const PackCheck& check, ByteView object);

/// The whole object as its writer made it, proved by the label's hashes before it is returned.
/// Errors: kCorrupt if too much is lost.
Result<Bytes> heal_pack(const PackId& id, const PackCheck& check, ByteView object);

}  // namespace reprieve::repository
