#include "app/log_ranges.hpp"

#include <algorithm>

#include "backup/wal_place.hpp"

namespace reprieve::app {
namespace {

/// The latest moment that the log up to a piece's end is known to have all of: when the server said
/// that it had no more, or else the latest commit.
Result<std::optional<Instant>> last_moment(const backup::WalArchive& archive,
                                           const LogRange& range) {
  const std::vector<WalPiece>& pieces = archive.map().timelines.at(range.timeline).pieces;
  const auto last = std::ranges::find(pieces, range.range.to,
                                      [](const WalPiece& piece) { return piece.range.to; });
  if (last == pieces.end()) return std::optional<Instant>{};
  const auto header = archive.header(last->number);
  if (!header && header.error().kind == ErrorKind::kTransient) return header.error();
  if (!header) return std::optional<Instant>{};  // Verify tells of damage.
  const auto moment =
      header->server_end <= range.range.to ? std::optional{header->heard} : header->last_commit;
  if (!moment) return moment;
  return std::optional{std::max(*moment, range.from_time)};
}

}  // namespace

std::vector<LogRange> find_log_ranges(const WalMap& map, const std::string& system_identifier,
                                      const std::vector<repository::Snapshot>& points) {
  std::vector<LogRange> ranges;
  for (const auto& [timeline, held] : map.timelines) {
    const std::size_t first = ranges.size();
    for (const repository::Snapshot& point : points) {
      const auto place = backup::wal_place_of(point);
      if (!place || !point.is_final || place->system_identifier != system_identifier) continue;
      const auto reach = reach_of(map, place->timeline, place->end, timeline);
      if (!reach || reach->timeline() != timeline || reach->legs.back().range.length() == 0)
        continue;
      // What ends in the same place is a part of what an older point reaches.
      const bool is_part =
          std::any_of(ranges.begin() + static_cast<std::ptrdiff_t>(first), ranges.end(),
                      [&](const LogRange& range) { return range.range.to == reach->end(); });
      if (is_part) continue;
      LogRange& range = ranges.emplace_back();
      range.timeline = timeline;
      range.range = {place->end, reach->end()};
      range.point = point.id;
      range.from_time = point.description.data_time;
      range.gap = reach->gap;
    }
    std::sort(ranges.begin() + static_cast<std::ptrdiff_t>(first), ranges.end(),
              [](const LogRange& a, const LogRange& b) { return a.range < b.range; });
  }
  return ranges;
}

Result<LogRanges> read_log_ranges(const repository::Repository& repository,
                                  const std::vector<repository::Snapshot>& points) {
  LogRanges found;
  if (points.empty() || points.back().description.kind != "postgres") return found;
  const auto newest = backup::wal_place_of(points.back());
  if (!newest) return found;
  REPRIEVE_TRY(const auto archive,
               backup::WalArchive::open(
                   repository, {points.back().description.source, newest->system_identifier}));
  found.problems = archive.problems();
  found.ranges = find_log_ranges(archive.map(), archive.system_identifier(), points);
  for (LogRange& range : found.ranges) {
    REPRIEVE_TRY(range.to_time, last_moment(archive, range));
  }
  return found;
}

}  // namespace reprieve::app
