#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backup/point_tree.hpp"
#include "base/clock.hpp"

namespace reprieve::mount {

/// Opens a point's tree when somebody enters it. Called at most once at a time for each point, and
/// again after an error.
using OpenTree = std::function<Result<std::unique_ptr<backup::PointTree>>()>;

/// A recovery point in a mount.
struct ShownPoint {
  std::string folder;  ///< Its name: point_folder().
  Instant time;
  OpenTree open;
};

/// A source in a mount, with its points, oldest first.
struct ShownSource {
  std::string folder;  ///< Its name: one of source_folders().
  std::vector<ShownPoint> points;
};

/// "2026-11-19T02:00:00Z-3f2a91bc44de": sorts by time.
std::string point_folder(Instant time, const std::string& short_id);

/// A folder's name for each source, in their order, all different: slashes become '_', at the front
/// they are left out, and what would come twice gets a number.
std::vector<std::string> source_folders(const std::vector<std::string>& sources);

}  // namespace reprieve::mount
