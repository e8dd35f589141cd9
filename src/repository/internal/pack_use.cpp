#include "repository/internal/pack_use.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

#include "repository/internal/index.hpp"
#include "repository/internal/label.hpp"

namespace reprieve::repository {
namespace {

class Measure {
 public:
  Measure(const Repository& repository, const StoreLook& look, const LiveChunks& live,
          const GcState& gc)
      : index_{repository.index()}, look_{look}, live_{live}, gc_{gc} {}

  std::vector<PackUse> run() {
    for (const Index::PackRow& row : index_.packs()) {
      const auto listed = look_.packs.find(row.id);
      if (listed != look_.packs.end()) add(row, listed->second);
    }
    index_.visit_rows([&](const ChunkId& id, const Index::Row& row) { count(id, row); });
    for (std::size_t i = 0; i < uses_.size(); ++i)
      sum_up(uses_[i], ranges_[i]);
    return std::move(uses_);
  }

 private:
  struct Place {
    std::size_t pack = 0;
    bool is_settled = false;
  };

  void add(const Index::PackRow& row, std::uint64_t object_bytes) {
    const auto label = parse_label(row.label);
    const auto range = index_.frames_of(row.id);
    if (!label || !range) return;
    PackUse& use = uses_.emplace_back();
    use.id = row.id;
    use.object_bytes = object_bytes;
    use.pack_type = row.pack_type;
    use.session = label->session;
    use.is_judged = look_.judged.contains(row.id) && !look_.open.contains(label->session);
    const auto condemned = gc_.condemned.find(row.id);
    if (condemned != gc_.condemned.end()) use.condemned_by = condemned->second;
    use.live_frames.resize(range->count);
    ranges_.push_back(*range);
  }

  [[nodiscard]] std::optional<std::size_t> number_of(const PackId& id) const {
    const auto at = std::ranges::lower_bound(uses_, id, {}, &PackUse::id);
    if (at == uses_.end() || at->id != id) return std::nullopt;
    return static_cast<std::size_t>(at - uses_.begin());
  }

  /// One entry for each pack that has the chunk.
  std::vector<Place> places_of(const ChunkId& id) const {
    std::vector<Place> places;
    index_.visit_rows_of(id, [&](const Index::Row& row) {
      const auto pack = number_of(row.pack);
      if (!pack) return true;
      const bool is_settled = row.trust == Index::Trust::kSettled;
      const auto same = std::ranges::find(places, *pack, &Place::pack);
      if (same == places.end())
        places.push_back({*pack, is_settled});
      else
        same->is_settled = same->is_settled || is_settled;
      return true;
    });
    return places;
  }

  /// The pack that is to keep the chunk; nothing: whoever has it.
  [[nodiscard]] std::optional<std::size_t> keeper(const std::vector<Place>& places) const {
    const auto rank = [&](std::size_t pack) {
      const PackUse& use = uses_[pack];
      return std::tuple{look_.open.contains(use.session), look_.fenced.contains(use.session),
                        use.id};
    };
    std::optional<std::size_t> best;
    for (const Place& place : places) {
      if (uses_[place.pack].condemned_by != 0 || !place.is_settled) continue;
      if (!best || rank(place.pack) < rank(*best)) best = place.pack;
    }
    return best;
  }

  void count(const ChunkId& id, const Index::Row& row) {
    const auto number = number_of(row.pack);
    // A pack in several indexes is counted by the one that frames_of() names.
    if (!number || ranges_[*number].first >> 32U != row.run) return;
    PackUse& use = uses_[*number];
    ++use.chunks;
    if (!live_.is_marked(id, row)) return;
    const auto places = places_of(id);
    const auto best = keeper(places);
    if (best && *best != *number) {
      use.in_favour_of.insert(uses_[*best].id);
      use.kept_elsewhere.insert(prefix_of(id));
      return;
    }
    use.is_needed = use.is_needed || use.condemned_by != 0;
    ++use.live_chunks;
    use.live_frames[row.place.frame - ranges_[*number].first] = true;
  }

  void sum_up(PackUse& use, Index::FrameRange range) const {
    for (std::uint32_t i = 0; i < range.count; ++i) {
      const std::uint64_t bytes = index_.frame(range.first + i).sealed_length;
      use.frame_bytes += bytes;
      if (use.live_frames[i]) use.live_bytes += bytes;
    }
  }

  const Index& index_;
  const StoreLook& look_;
  const LiveChunks& live_;
  const GcState& gc_;
  std::vector<PackUse> uses_;              // By id.
  std::vector<Index::FrameRange> ranges_;  // Of uses_.
};

bool is_wasteful(const PackUse& use, double max_unused) {
  if (use.pack_type == kTreePack) return use.live_chunks < use.chunks;
  const auto dead = static_cast<double>(use.frame_bytes - use.live_bytes);
  return dead > max_unused * static_cast<double>(use.frame_bytes);
}

}  // namespace

ChunkId prefix_of(const ChunkId& id) {
  constexpr std::size_t kPrefixBytes = 16;
  ChunkId prefix;
  std::copy_n(id.bytes.begin(), kPrefixBytes, prefix.bytes.begin());
  return prefix;
}

std::vector<PackUse> measure_use(const Repository& repository, const StoreLook& look,
                                 const LiveChunks& live, const GcState& gc) {
  return Measure{repository, look, live, gc}.run();
}

void judge(std::vector<PackUse>& packs, double max_unused) {
  for (PackUse& use : packs) {
    if (use.condemned_by != 0) {
      use.verdict = use.is_needed ? PackUse::Verdict::kCompacted : PackUse::Verdict::kCondemned;
    } else if (!use.is_judged) {
      use.verdict = PackUse::Verdict::kStays;
    } else if (use.live_chunks == 0) {
      use.verdict = PackUse::Verdict::kCondemned;
    } else if (is_wasteful(use, max_unused)) {
      use.verdict = PackUse::Verdict::kCompacted;
    }
  }
}

}  // namespace reprieve::repository
