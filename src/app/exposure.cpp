#include "app/exposure.hpp"

#include <algorithm>

#include "app/points.hpp"

namespace reprieve::app {
namespace {

std::optional<Duration> tightest_rpo(const plan::Plan& plan, const std::string& source) {
  std::optional<Duration> tightest;
  for (const plan::Service& service : plan.services) {
    const bool uses_it = std::ranges::any_of(
        service.sources, [&](const plan::Name& name) { return name.text == source; });
    if (uses_it && service.rpo && (!tightest || *service.rpo < *tightest)) tightest = service.rpo;
  }
  return tightest;
}

}  // namespace

std::vector<SourceExposure> exposures(const plan::Plan& plan,
                                      const std::vector<repository::Snapshot>& snapshots,
                                      const Verifications& verifications, Instant now) {
  std::vector<SourceExposure> rows;
  for (const plan::Source& source : plan.sources) {
    SourceExposure row;
    row.source = source.name;
    row.objective = tightest_rpo(plan, source.name);
    const auto points = points_of(snapshots, source.name);
    for (const repository::Snapshot& point : points) {
      const auto verdict = verifications.verdict_on(point.id);
      if (verdict && verdict->is_good && (!row.verified || *row.verified < verdict->at))
        row.verified = verdict->at;
    }
    if (!points.empty()) {
      row.newest = points.back().id;
      row.exposure = now - points.back().description.data_time;
    }
    row.is_kept = !row.objective || (row.exposure && *row.exposure <= *row.objective);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace reprieve::app
