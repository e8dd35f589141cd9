#include "app/mount_job.hpp"

#include "app/browse_job.hpp"

namespace reprieve::app {
namespace {

using repository::Snapshot;

std::vector<mount::ShownSource> shown(backup::RepositoryReader& reader,
                                      const std::vector<SourcePoints>& sources) {
  std::vector<std::string> names;
  names.reserve(sources.size());
  for (const SourcePoints& each : sources)
    names.push_back(each.source);
  const std::vector<std::string> folders = mount::source_folders(names);
  std::vector<mount::ShownSource> shown;
  shown.reserve(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    mount::ShownSource& source = shown.emplace_back();
    source.folder = folders[i];
    source.points.reserve(sources[i].points.size());
    for (const Snapshot& point : sources[i].points) {
      const Instant time = point.description.data_time;
      source.points.push_back({mount::point_folder(time, short_id(point.id)), time,
                               [&reader, point]() -> Result<std::unique_ptr<backup::PointTree>> {
                                 REPRIEVE_TRY(std::vector<Entry> roots, reader.roots_of(point));
                                 return std::make_unique<backup::PointTree>(reader,
                                                                            std::move(roots));
                               }});
    }
  }
  return shown;
}

}  // namespace

Result<MountOutcome> mount(const Workspace& workspace, OpenRepository& open,
                           const MountChoices& choices, const MountReady& ready,
                           const decltype(mount::MountEvents::damaged)& damaged,
                           const CancelToken& cancel) {
  Progress progress;
  REPRIEVE_TRY(const auto sources,
               points_to_search(workspace, open, choices.source, choices.point, progress, cancel));
  MountOutcome outcome;
  outcome.sources = sources.size();
  for (const SourcePoints& each : sources)
    outcome.points += each.points.size();
  const mount::MountOptions options{choices.directory, choices.is_for_others};
  const mount::MountEvents events{[&] { ready(outcome); }, damaged};
  backup::RepositoryReader reader{*open.repository, progress, cancel};
  // Whether the key can read shows here, and not in the first person's shell.
  REPRIEVE_TRY(std::vector<Entry> roots, reader.roots_of(sources.front().points.back()));
  if (!choices.point.empty()) {
    REPRIEVE_TRY(
        outcome.problems,
        mount::mount_point(reader, std::make_unique<backup::PointTree>(reader, std::move(roots)),
                           options, events, cancel));
  } else {
    REPRIEVE_TRY(outcome.problems,
                 mount::mount_points(reader, shown(reader, sources), options, events, cancel));
  }
  return outcome;
}

}  // namespace reprieve::app
