#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "repository/internal/frame.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/repository.hpp"

namespace reprieve::repository {

/// Opens frames of an open repository's packs, with healing. Thread-safe; the repository must
/// outlive it.
class PackReader {
 public:
  explicit PackReader(const Repository& repository) : repository_{repository} {}

  /// Bytes [begin, end) of a pack's object as the store has them. Nothing if the object is gone,
  /// too short or unreadable there: open_healed() is what is left then. Errors: the store's others.
  Result<std::optional<Bytes>> read(const PackId& pack, std::uint32_t begin, std::uint32_t end);

  /// Opens a frame whose sealed bytes are at hand. Errors: kCorrupt; kDenied without the key.
  Result<> open(const FrameLocation& frame, ByteView sealed, Bytes& raw);

  /// Reads the frame's whole pack, heals it in memory from its parity, or takes it from another of
  /// the repository's stores, and opens the frame. Notes the pack as damaged. Errors: kCorrupt with
  /// a hint if that fails; kDenied; the store's.
  Result<> open_healed(const FrameLocation& frame, Bytes& raw);

  /// Packs that needed healing, or could not be healed, so far.
  [[nodiscard]] std::vector<PackId> damaged() const;

 private:
  /// A healed pack's body, and where it starts in the object.
  struct HealedPack {
    PackId id;
    std::size_t body_start = 0;
    Bytes body;
  };
  Result<std::shared_ptr<const Secret>> session_secret(std::uint32_t key);
  Result<std::shared_ptr<const HealedPack>> heal(const PackId& pack);
  [[nodiscard]] Result<std::shared_ptr<const HealedPack>> heal_in(ObjectStore& store,
                                                                  const PackId& pack) const;

  const Repository& repository_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::uint32_t, std::shared_ptr<const Secret>> secrets_;
  std::set<PackId> damaged_;
  std::mutex heal_mutex_;  // One pack at a time: each takes its size in memory.
  std::shared_ptr<const HealedPack> last_healed_;  // Guarded by heal_mutex_.
};

}  // namespace reprieve::repository
