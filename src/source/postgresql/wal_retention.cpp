#include "source/postgresql/wal_retention.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "source/postgresql/wal_map.hpp"

namespace reprieve {
namespace {

using Kind = WalVerdict::Kind;

/// Where the history says that `timeline` was left.
std::optional<Lsn> left_at(const std::string& history, std::uint32_t timeline) {
  const auto steps = parse_timeline_history(history);
  if (!steps) return std::nullopt;
  const auto step = std::ranges::find(*steps, timeline, &TimelineStep::timeline);
  if (step == steps->end()) return std::nullopt;
  return step->left_at;
}

/// Whether `timeline` led to `later`. Two servers may have called different timelines by one
/// number: then all that is known of `later` has to say so.
bool is_ancestor(const std::vector<StoredWal>& streams, std::uint32_t timeline,
                 std::uint32_t later) {
  bool is_known = false;
  for (const StoredWal& stream : streams) {
    if (stream.timeline != later) continue;
    if (!left_at(stream.history, timeline)) return false;
    is_known = true;
  }
  return is_known;
}

bool was_left_before(const std::vector<StoredWal>& streams, std::uint32_t timeline, Lsn lsn) {
  return std::ranges::any_of(streams, [&](const StoredWal& stream) {
    const auto left = left_at(stream.history, timeline);
    return left && *left <= lsn;
  });
}

/// A recovery needs log from the segment on in which its recovery point ends, on whatever timeline:
/// what the point's own consistency takes it carries itself. So what lies before the lowest such
/// place serves none of them. Timelines that have nothing to do with that point stay nevertheless,
/// for what else they may be there for nobody knows, unless they were left by then.
void plan_age(const std::vector<StoredWal>& streams, const StoredWal& stream,
              const std::vector<WalAnchor>& anchors, WalStreamPlan& plan) {
  if (anchors.empty()) {
    plan.reason = "no recovery point of this cluster is kept";
    return;
  }
  const WalAnchor oldest = *std::ranges::min_element(anchors, {}, [](const WalAnchor& anchor) {
    return std::tuple{anchor.end, anchor.timeline};
  });
  if (stream.timeline != oldest.timeline &&
      !is_ancestor(streams, stream.timeline, oldest.timeline) &&
      !was_left_before(streams, stream.timeline, oldest.end)) {
    plan.reason = "its timeline is not known to lead to the oldest kept recovery point";
    return;
  }
  plan.needed_from = segment_floor(oldest.end, stream.segment_size);
  plan.reason = "the oldest kept recovery point ends at " + format_lsn(oldest.end) +
                " on timeline " + std::to_string(oldest.timeline);
}

/// Marks what is covered, and returns the newest piece's number.
std::size_t plan_covered(const StoredWal& stream, WalStreamPlan& plan) {
  std::vector<std::size_t> order(stream.pieces.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Of those that begin at one place the longest first: what comes later and ends no later than the
  // farthest so far is covered by that one.
  std::ranges::sort(order, {}, [&](std::size_t i) {
    const LsnRange& range = stream.pieces[i];
    return std::tuple{range.from, UINT64_MAX - range.to.value};
  });
  std::size_t farthest = order.front();
  for (const std::size_t i : order) {
    if (i == farthest) continue;
    if (stream.pieces[i].to <= stream.pieces[farthest].to)
      plan.pieces[i] = {Kind::kCovered, farthest};
    else
      farthest = i;
  }
  return farthest;
}

}  // namespace

std::vector<WalStreamPlan> plan_wal_retention(const std::vector<StoredWal>& streams,
                                              const std::vector<WalAnchor>& anchors) {
  std::vector<WalStreamPlan> plans;
  plans.reserve(streams.size());
  for (const StoredWal& stream : streams) {
    WalStreamPlan& plan = plans.emplace_back();
    plan.pieces.resize(stream.pieces.size());
    plan_age(streams, stream, anchors, plan);
    if (stream.pieces.empty()) continue;
    const std::size_t newest = plan_covered(stream, plan);
    if (!plan.needed_from) continue;
    for (std::size_t i = 0; i < stream.pieces.size(); ++i)
      if (i != newest && stream.pieces[i].to <= *plan.needed_from)
        plan.pieces[i] = {Kind::kBefore, 0};
  }
  return plans;
}

}  // namespace reprieve
