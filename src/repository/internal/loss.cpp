#include "repository/internal/loss.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "repository/internal/bad_sectors.hpp"
#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/loss_record.hpp"
#include "repository/internal/pack_use.hpp"

namespace reprieve::repository {
namespace {

/// Frames of one pack, by global number, and which of them are lost.
struct LostFrames {
  Index::FrameRange range;
  std::vector<bool> is_lost;
};

/// Nothing if the pack is whole or can be healed. `check` without a label: it is gone, or as good.
Result<std::optional<PackCheck>> check_lost(const Repository& repository, const PackId& id) {
  const auto row = repository.index().find_pack(id);
  const auto object =
      read_around_bad_sectors(repository.store(), pack_key(id), ByteCount{kPackObjectMax});
  if (!object) {
    const ErrorKind kind = object.error().kind;
    if (kind == ErrorKind::kNotFound && !row) return std::optional<PackCheck>{};  // Pruned.
    if (kind == ErrorKind::kNotFound || kind == ErrorKind::kExhausted)
      return std::optional{PackCheck{}};
    return object.error();
  }
  PackCheck check = check_pack(id, *object, row ? row->label : ByteView{});
  if (check.is_whole() || (check.is_healable() && heal_body(check, *object)))
    return std::optional<PackCheck>{};
  return std::optional{std::move(check)};
}

LostFrames lost_frames(const Index& index, const PackCheck& check, Index::FrameRange range) {
  LostFrames lost{.range = range, .is_lost = std::vector<bool>(range.count)};
  for (std::uint32_t i = 0; i < range.count; ++i) {
    const FrameLocation at = index.frame(range.first + i);
    lost.is_lost[i] = !is_range_whole(check, at.offset, at.offset + at.sealed_length);
  }
  return lost;
}

class Measure {
 public:
  explicit Measure(const Index& index) : index_{index} {}

  void add(const PackId& id, const PackCheck& check) {
    const auto range = index_.frames_of(id);
    if (range) frames_.emplace(id, lost_frames(index_, check, *range));
  }

  [[nodiscard]] std::unordered_set<ChunkId> chunks() const {
    std::unordered_set<ChunkId> lost;
    if (frames_.empty()) return lost;
    std::vector<ChunkId> candidates;
    index_.visit_rows([&](const ChunkId& id, const Index::Row& row) {
      if (is_lost(row)) candidates.push_back(id);
    });
    for (const ChunkId& id : candidates) {
      bool is_elsewhere = false;
      index_.visit_rows_of(id, [&](const Index::Row& row) {
        is_elsewhere = !is_lost(row);
        return !is_elsewhere;
      });
      if (!is_elsewhere) lost.insert(prefix_of(id));
    }
    return lost;
  }

 private:
  [[nodiscard]] bool is_lost(const Index::Row& row) const {
    const auto found = frames_.find(row.pack);
    if (found == frames_.end()) return false;
    const LostFrames& pack = found->second;
    // Another index of the same pack numbers its frames in the same order.
    const std::uint64_t own = row.place.frame;
    if (own >= pack.range.first && own - pack.range.first < pack.is_lost.size())
      return pack.is_lost[own - pack.range.first];
    const std::uint32_t offset = index_.frame(own).offset;
    for (std::uint32_t i = 0; i < pack.range.count; ++i)
      if (index_.frame(pack.range.first + i).offset == offset) return pack.is_lost[i];
    return true;
  }

  const Index& index_;
  std::unordered_map<PackId, LostFrames> frames_;
};

}  // namespace

bool is_range_whole(const PackCheck& check, std::uint64_t begin, std::uint64_t end) {
  if (!check.label) return false;
  const std::uint64_t shard = check.label->geometry.shard_bytes;
  const std::uint64_t body = check.label->label_bytes;
  if (begin < body || end <= begin) return false;
  for (std::uint64_t i = (begin - body) / shard; i <= (end - 1 - body) / shard; ++i)
    if (i >= check.shard_at.size() || !check.shard_at[i]) return false;
  // Shards that were found elsewhere in the object are whole, but readers look at their place.
  return check.size_is_good;
}

Result<Loss> measure_loss(const Repository& repository, const std::set<PackId>& packs) {
  Loss loss;
  if (packs.empty()) return loss;
  // What garbage collection has condemned may be gone for good reason.
  REPRIEVE_TRY(const GcState gc, read_whole_plans(repository.store(), repository.keys()));
  Measure measure{repository.index()};
  for (const PackId& id : packs) {
    if (gc.condemned.contains(id)) continue;
    REPRIEVE_TRY(const auto check, check_lost(repository, id));
    if (!check) continue;
    loss.packs.insert(id);
    measure.add(id, *check);
  }
  loss.chunks = measure.chunks();
  return loss;
}

Result<Loss> measure_marked_loss(const Repository& repository) {
  REPRIEVE_TRY(const auto marked, read_losses(repository.store(), repository.keys()));
  std::set<PackId> packs;
  for (const auto& [pack, id] : marked)
    packs.insert(pack);
  return measure_loss(repository, packs);
}

bool Loss::has(const ChunkId& id) const {
  return chunks.contains(prefix_of(id));
}

}  // namespace reprieve::repository
