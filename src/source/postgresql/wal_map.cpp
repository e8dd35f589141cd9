#include "source/postgresql/wal_map.hpp"

#include <algorithm>
#include <charconv>

namespace reprieve {
namespace {

constexpr std::uint64_t kPieceMax = 16 * 1024 * 1024;
constexpr std::size_t kHistoryLinesMax = 100'000;

/// The parts that hold [from, to) as far as they go without a gap.
std::vector<WalAnswer::Part> cover(const WalTimeline& timeline, LsnRange wanted) {
  std::vector<WalAnswer::Part> parts;
  Lsn at = wanted.from;
  auto next = timeline.pieces.begin();
  while (at < wanted.to) {
    // Of those that begin at or before `at`, the one that reaches farthest.
    const WalPiece* best = nullptr;
    for (; next != timeline.pieces.end() && next->range.from <= at; ++next)
      if (next->range.to > at && (best == nullptr || next->range.to > best->range.to))
        best = &*next;
    if (best == nullptr) break;
    const Lsn to = std::min(best->range.to, wanted.to);
    parts.push_back({best->number, {at, to}});
    at = to;
  }
  return parts;
}

Lsn end_of(const WalTimeline& timeline) {
  Lsn end;
  for (const WalPiece& piece : timeline.pieces)
    end = std::max(end, piece.range.to);
  return end;
}

WalAnswer missing(std::string why) {
  WalAnswer answer;
  answer.why = std::move(why);
  return answer;
}

WalAnswer absent() {
  WalAnswer answer;
  answer.kind = WalAnswer::Kind::kAbsent;
  return answer;
}

WalAnswer answer_history(const WalMap& map, std::uint32_t timeline) {
  const auto found = map.timelines.find(timeline);
  if (found == map.timelines.end() || found->second.history.empty()) return absent();
  WalAnswer answer;
  answer.kind = WalAnswer::Kind::kServe;
  answer.history = found->second.history;
  return answer;
}

/// Whether a later timeline left this one at or after `lsn`: then `lsn` was written once.
bool was_reached(const WalMap& map, std::uint32_t timeline, Lsn lsn) {
  for (const auto& [number, later] : map.timelines) {
    const auto steps = parse_timeline_history(later.history);
    if (!steps) continue;
    for (const TimelineStep& step : *steps)
      if (step.timeline == timeline && step.left_at > lsn) return true;
  }
  return false;
}

}  // namespace

std::vector<WalAnswer::Part> cover_segment(const WalMap& map, const SegmentName& segment) {
  const auto found = map.timelines.find(segment.timeline);
  if (found == map.timelines.end()) return {};
  return cover(found->second, {segment_start(segment.segment, map.segment_size),
                               segment_start(segment.segment + 1, map.segment_size)});
}

std::vector<LsnRange> WalTimeline::stretches() const {
  std::vector<LsnRange> found;
  for (const WalPiece& piece : pieces) {
    if (found.empty() || piece.range.from > found.back().to)
      found.push_back(piece.range);
    else
      found.back().to = std::max(found.back().to, piece.range.to);
  }
  return found;
}

Result<std::vector<TimelineStep>> parse_timeline_history(std::string_view text) {
  std::vector<TimelineStep> steps;
  const Error bad{ErrorKind::kCorrupt, "a timeline's history cannot be read"};
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t\r")));
    if (line.empty() || line.starts_with('#')) continue;
    TimelineStep step;
    const auto number = std::from_chars(line.data(), line.data() + line.size(), step.timeline);
    if (number.ec != std::errc{} || steps.size() == kHistoryLinesMax) return bad;
    line.remove_prefix(static_cast<std::size_t>(number.ptr - line.data()));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t")));
    const auto at = parse_lsn(line.substr(0, line.find_first_of(" \t\r")));
    const bool is_later = steps.empty() || step.timeline > steps.back().timeline;
    if (!at || !is_later) return bad;
    step.left_at = *at;
    steps.push_back(step);
  }
  return steps;
}

WalAnswer answer_wal_request(const WalMap& map, std::string_view file, bool is_standby) {
  if (const auto timeline = parse_history_name(file)) return answer_history(map, *timeline);
  const auto name = parse_segment_name(file, map.segment_size);
  if (!name) return file.ends_with(".backup") ? absent() : missing("no WAL file has this name");
  const LsnRange wanted{segment_start(name->segment, map.segment_size),
                        segment_start(name->segment + 1, map.segment_size)};
  const auto found = map.timelines.find(name->timeline);
  const Lsn end = found == map.timelines.end() ? Lsn{} : end_of(found->second);
  if (end <= wanted.from) {
    if (was_reached(map, name->timeline, wanted.from))
      return missing("a later timeline began after it, so it existed, but it is not held");
    return absent();
  }
  WalAnswer answer;
  answer.parts = cover(found->second, wanted);
  const Lsn held = answer.parts.empty() ? wanted.from : answer.parts.back().range.to;
  const bool is_newest = held == end;
  if (held < wanted.to && !is_newest)
    return missing("there is a gap in the log at " + format_lsn(held));
  if (held < wanted.to && is_standby) return absent();
  answer.kind = WalAnswer::Kind::kServe;
  return answer;
}

namespace {

/// Where the log goes on without a gap from `from`, at most to `to`. Its segment is needed from its
/// start on, for a server reads whole segments.
Lsn goes_on_to(const WalMap& map, std::uint32_t timeline, Lsn from, Lsn to) {
  const auto found = map.timelines.find(timeline);
  if (found == map.timelines.end()) return from;
  for (const LsnRange& stretch : found->second.stretches())
    if (stretch.from <= segment_floor(from, map.segment_size) && from < stretch.to)
      return std::min(stretch.to, to);
  return from;
}

/// The timelines from `timeline` at `from` to `wanted`, each with where it was left; nothing if
/// `wanted` does not descend from there.
std::optional<std::vector<TimelineStep>> way_to(const WalMap& map, std::uint32_t timeline, Lsn from,
                                                std::uint32_t wanted) {
  constexpr Lsn kNever{UINT64_MAX};
  if (wanted == timeline) return std::vector{TimelineStep{timeline, kNever}};
  const auto found = map.timelines.find(wanted);
  if (found == map.timelines.end()) return std::nullopt;
  auto steps = parse_timeline_history(found->second.history);
  if (!steps) return std::nullopt;
  const auto own = std::ranges::find(*steps, timeline, &TimelineStep::timeline);
  if (own == steps->end() || own->left_at < from) return std::nullopt;
  steps->erase(steps->begin(), own);
  steps->push_back({wanted, kNever});
  return *std::move(steps);
}

}  // namespace

Result<WalReach> reach_of(const WalMap& map, std::uint32_t timeline, Lsn from,
                          std::uint32_t wanted) {
  auto way = way_to(map, timeline, from, wanted == 0 ? timeline : wanted);
  if (!way)
    return Error{ErrorKind::kNotFound, "timeline " + std::to_string(wanted) +
                                           " does not go on from timeline " +
                                           std::to_string(timeline) + " at " + format_lsn(from) +
                                           ", or its log is not held"};
  if (wanted == 0)
    for (const auto& [number, held] : map.timelines)
      if (number > timeline)
        if (auto longer = way_to(map, timeline, from, number)) way = std::move(longer);
  WalReach reach;
  for (const TimelineStep& step : *way) {
    const Lsn to = goes_on_to(map, step.timeline, from, step.left_at);
    reach.legs.push_back({step.timeline, {from, to}});
    from = to;
    const bool is_last = step.timeline == way->back().timeline;
    const auto held = map.timelines.find(step.timeline);
    const Lsn end = held == map.timelines.end() ? Lsn{} : end_of(held->second);
    if (is_last ? to < end : to != step.left_at) {
      reach.gap = "the log of timeline " + std::to_string(step.timeline) + " has a gap at " +
                  format_lsn(to);
      break;
    }
  }
  return reach;
}

std::optional<LsnRange> next_wal_piece(Lsn stored, Lsn durable, std::uint64_t segment_size,
                                       bool waited) {
  const Lsn segment_end = segment_start(segment_of(stored, segment_size) + 1, segment_size);
  const Lsn longest{std::min(stored.value + kPieceMax, segment_end.value)};
  const Lsn to = std::min(longest, durable);
  if (to <= stored || (to < longest && !waited)) return std::nullopt;
  return LsnRange{stored, to};
}

}  // namespace reprieve
