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
          const GcState& gc, Measuring measuring)
      : index_{repository.index()},
        look_{look},
        live_{live},
        gc_{gc},
        is_looking_inside_{measuring == Measuring::kInsideFrames} {}

  std::vector<PackUse> run() {
    for (const Index::PackRow& row : index_.packs()) {
      const auto listed = look_.packs.find(row.id);
      if (listed != look_.packs.end()) add(row, listed->second);
    }
    index_.visit_rows([&](const ChunkId& id, const Index::Row& row) { count(id, row); });
    for (std::size_t i = 0; i < uses_.size(); ++i)
      sum_up(i);
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
    use.is_lost = look_.lost.contains(row.id);
    const auto condemned = gc_.condemned.find(row.id);
    if (condemned != gc_.condemned.end()) use.condemned_by = condemned->second;
    use.live_frames.resize(range->count);
    ranges_.push_back(*range);
    if (is_looking_inside_) live_raw_.emplace_back(range->count);
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
      return std::tuple{use.is_lost, look_.open.contains(use.session),
                        look_.fenced.contains(use.session), use.id};
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
    const auto frame = static_cast<std::size_t>(row.place.frame - ranges_[*number].first);
    use.live_frames[frame] = true;
    if (is_looking_inside_) live_raw_[*number][frame] += row.place.length;
  }

  void sum_up(std::size_t number) {
    PackUse& use = uses_[number];
    const Index::FrameRange range = ranges_[number];
    for (std::uint32_t i = 0; i < range.count; ++i) {
      const FrameLocation frame = index_.frame(range.first + i);
      use.frame_bytes += frame.sealed_length;
      if (!use.live_frames[i]) continue;
      use.live_bytes += frame.sealed_length;
      if (is_looking_inside_ && live_raw_[number][i] < frame.raw_length)
        use.has_dead_bytes_in_live_frames = true;
    }
  }

  const Index& index_;
  const StoreLook& look_;
  const LiveChunks& live_;
  const GcState& gc_;
  std::vector<PackUse> uses_;              // By id.
  std::vector<Index::FrameRange> ranges_;  // Of uses_.
  const bool is_looking_inside_;
  std::vector<std::vector<std::uint32_t>> live_raw_;  // Bytes, of uses_, by frame.
};

bool is_wasteful(const PackUse& use, const JudgeOptions& options) {
  if (options.opens_frames && use.has_dead_bytes_in_live_frames) return true;
  if (use.pack_type == kTreePack) return use.live_chunks < use.chunks;
  const auto dead = static_cast<double>(use.frame_bytes - use.live_bytes);
  return dead > options.unused_max * static_cast<double>(use.frame_bytes);
}

}  // namespace

ChunkId prefix_of(const ChunkId& id) {
  constexpr std::size_t kPrefixBytes = 16;
  ChunkId prefix;
  std::copy_n(id.bytes.begin(), kPrefixBytes, prefix.bytes.begin());
  return prefix;
}

std::vector<PackUse> measure_use(const Repository& repository, const StoreLook& look,
                                 const LiveChunks& live, const GcState& gc, Measuring measuring) {
  return Measure{repository, look, live, gc, measuring}.run();
}

void judge(std::vector<PackUse>& packs, const JudgeOptions& options) {
  for (PackUse& use : packs) {
    if (use.condemned_by != 0) {
      use.verdict = use.is_needed ? PackUse::Verdict::kCompacted : PackUse::Verdict::kCondemned;
    } else if (!use.is_judged) {
      use.verdict = PackUse::Verdict::kStays;
    } else if (use.live_chunks == 0) {
      use.verdict = PackUse::Verdict::kCondemned;
    } else if (!use.is_lost && is_wasteful(use, options)) {
      use.verdict = PackUse::Verdict::kCompacted;
    }
  }
}

}  // namespace reprieve::repository
