#include "app/browse_job.hpp"

#include <map>

#include "app/jobs.hpp"
#include "backup/tar_archive.hpp"

namespace reprieve::app {

Result<OpenPoint> open_point(const Workspace& workspace, OpenRepository& open,
                             const std::string& source, const std::string& wanted,
                             Progress& progress, const CancelToken& cancel) {
  OpenPoint opened;
  REPRIEVE_TRY(opened.point, find_point(workspace, open, source, wanted, progress, cancel));
  opened.reader = std::make_unique<backup::RepositoryReader>(*open.repository, progress, cancel);
  REPRIEVE_TRY(std::vector<Entry> roots, opened.reader->roots_of(opened.point));
  opened.tree = std::make_unique<backup::PointTree>(*opened.reader, std::move(roots));
  return opened;
}

Result<> cat(OpenPoint& open, const std::string& path, const io::FileHandle& out) {
  return backup::pour_file(*open.reader, *open.tree, path,
                           [&](ByteView bytes) { return io::write_all(out, bytes); });
}

Result<DumpOutcome> dump(OpenPoint& open, const std::vector<std::string>& paths,
                         const io::FileHandle& out) {
  const backup::TakeBytes write = [&](ByteView bytes) { return io::write_all(out, bytes); };
  backup::TarArchive archive{*open.reader, write};
  REPRIEVE_RETURN_IF_ERROR(backup::pour(*open.reader, *open.tree, paths, archive));
  REPRIEVE_RETURN_IF_ERROR(archive.finish());
  return DumpOutcome{archive.entries(), archive.size(), open.reader->problems()};
}

Result<std::vector<SourcePoints>> points_to_search(const Workspace& workspace, OpenRepository& open,
                                                   const std::string& source,
                                                   const std::string& wanted, Progress& progress,
                                                   const CancelToken& cancel) {
  std::vector<SourcePoints> sources;
  if (!wanted.empty()) {
    REPRIEVE_TRY(const auto point, find_point(workspace, open, source, wanted, progress, cancel));
    sources.push_back({point.description.source, {point}});
    return sources;
  }
  REPRIEVE_TRY(auto points, some_points_of(open.listed.snapshots, source));
  std::map<std::string, std::vector<repository::Snapshot>> by_source;
  for (repository::Snapshot& point : points)
    by_source[point.description.source].push_back(std::move(point));
  sources.reserve(by_source.size());
  for (auto& [name, its_points] : by_source)
    sources.push_back({name, std::move(its_points)});
  return sources;
}

Result<> find(backup::RepositoryReader& reader, const SourcePoints& in,
              const backup::FindQuery& query, const backup::VisitFound& visit) {
  std::vector<std::vector<Entry>> roots(in.points.size());
  for (std::size_t i = 0; i < roots.size(); ++i) {
    REPRIEVE_TRY(roots[i], reader.roots_of(in.points[i]));
  }
  return backup::find(reader, roots, query, visit);
}

}  // namespace reprieve::app
