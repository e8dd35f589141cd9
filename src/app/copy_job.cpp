#include "app/copy_job.hpp"

#include "app/jobs.hpp"

namespace reprieve::app {

Result<> copy_points(const Workspace& workspace, OpenRepository& from, OpenRepository& to,
                     const CopyChoices& choices, const backup::TellCopied& tell, Progress& progress,
                     const CancelToken& cancel) {
  const std::string source =
      choices.source.empty() ? "" : point_source_name(workspace, choices.source);
  std::vector<repository::Snapshot> points;
  if (choices.points.empty()) {
    REPRIEVE_TRY(points, some_points_of(from.listed.snapshots, source));
  }
  for (const std::string& wanted : choices.points) {
    REPRIEVE_TRY(auto point, find_point(workspace, from, source, wanted, progress, cancel));
    points.push_back(std::move(point));
  }
  for (const repository::Snapshot& point : points) {
    progress.bytes_total += point.statistics.bytes;
    progress.files_total += point.statistics.files;
  }
  return backup::copy_points(*from.repository, *to.repository, std::move(points), {}, tell,
                             progress, cancel);
}

}  // namespace reprieve::app
