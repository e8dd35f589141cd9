#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/points.hpp"
#include "app/workspace.hpp"
#include "backup/find.hpp"
#include "backup/point_tree.hpp"
#include "backup/repository_reader.hpp"
#include "io/file.hpp"

namespace reprieve::app {

/// A recovery point that is open to be looked into. What it was made of must outlive it.
struct OpenPoint {
  repository::Snapshot point;
  std::unique_ptr<backup::RepositoryReader> reader;
  std::unique_ptr<backup::PointTree> tree;
};

/// Opens the point that `wanted` means (jobs.hpp). Errors: as find_point(); kDenied if the key
/// cannot read.
Result<OpenPoint> open_point(const Workspace& workspace, OpenRepository& open,
                             const std::string& source, const std::string& wanted,
                             Progress& progress, const CancelToken& cancel);

/// Writes one file's bytes to `out`. Errors: as backup::pour_file(); those of writing.
Result<> cat(OpenPoint& open, const std::string& path, const io::FileHandle& out);

struct DumpOutcome {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  ///< Of the archive.
  std::vector<Problem> problems;
};

/// Writes `paths` (all if there is none) to `out` as a tar archive. Errors: as backup::pour();
/// those of writing.
Result<DumpOutcome> dump(OpenPoint& open, const std::vector<std::string>& paths,
                         const io::FileHandle& out);

/// The points of one source, oldest first.
struct SourcePoints {
  std::string source;
  std::vector<repository::Snapshot> points;
};

/// What a search goes through, by source: the point that `wanted` means, or if that is empty all
/// points of `source`, or of every source. Errors: as find_point().
Result<std::vector<SourcePoints>> points_to_search(const Workspace& workspace, OpenRepository& open,
                                                   const std::string& source,
                                                   const std::string& wanted, Progress& progress,
                                                   const CancelToken& cancel);

/// backup::find() over them.
Result<> find(backup::RepositoryReader& reader, const SourcePoints& in,
              const backup::FindQuery& query, const backup::VisitFound& visit);

}  // namespace reprieve::app
