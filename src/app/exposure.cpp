#include "app/exposure.hpp"

#include <algorithm>
#include <iterator>

#include "app/log_ranges.hpp"
#include "app/points.hpp"

namespace reprieve::app {
namespace {

std::vector<std::string> sources_of(const plan::Plan* plan,
                                    const std::vector<repository::Snapshot>& snapshots) {
  std::vector<std::string> names;
  if (plan != nullptr) {
    std::ranges::transform(plan->sources, std::back_inserter(names), &plan::Source::name);
    return names;
  }
  for (const repository::Snapshot& snapshot : snapshots)
    names.push_back(snapshot.description.source);
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

std::optional<Duration> tightest_rpo(const plan::Plan* plan, const std::string& source) {
  std::optional<Duration> tightest;
  if (plan == nullptr) return tightest;
  for (const plan::Service& service : plan->services) {
    const bool uses_it = std::ranges::any_of(
        service.sources, [&](const plan::Name& name) { return name.text == source; });
    if (uses_it && service.rpo && (!tightest || *service.rpo < *tightest)) tightest = service.rpo;
  }
  return tightest;
}

}  // namespace

Result<LogEnds> read_log_ends(const repository::Repository& repository,
                              const std::vector<repository::Snapshot>& snapshots) {
  LogEnds ends;
  for (const std::string& source : sources_of(nullptr, snapshots)) {
    REPRIEVE_TRY(const LogRanges held, read_log_ranges(repository, points_of(snapshots, source)));
    for (const LogRange& range : held.ranges)
      if (range.to_time) ends[source] = std::max(ends[source], *range.to_time);
  }
  return ends;
}

std::vector<SourceExposure> exposures(const plan::Plan* plan,
                                      const std::vector<repository::Snapshot>& snapshots,
                                      const LogEnds& log_ends, const Verifications& verifications,
                                      Instant now) {
  std::vector<SourceExposure> rows;
  for (const std::string& source : sources_of(plan, snapshots)) {
    SourceExposure row;
    row.source = source;
    row.objective = tightest_rpo(plan, source);
    const auto points = points_of(snapshots, source);
    for (const repository::Snapshot& point : points) {
      const auto verdict = verifications.verdict_on(point.id);
      if (verdict && verdict->is_good && (!row.verified || *row.verified < verdict->at))
        row.verified = verdict->at;
    }
    if (!points.empty()) {
      row.newest = points.back().id;
      Instant end = points.back().description.data_time;
      if (const auto log = log_ends.find(source); log != log_ends.end())
        end = std::max(end, log->second);
      if (is_described(points.back())) row.exposure = std::max(Duration{}, now - end);
    }
    row.is_kept = !row.objective || (row.exposure && *row.exposure <= *row.objective);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace reprieve::app
