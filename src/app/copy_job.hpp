#pragma once

#include <string>
#include <vector>

#include "app/workspace.hpp"
#include "backup/copy.hpp"

namespace reprieve::app {

struct CopyChoices {
  std::vector<std::string> points;  ///< As app::choose_point() takes them; empty: all.
  std::string source;               ///< Only points of this source; empty: of all.
};

/// Copies recovery points into another repository. Errors: as choose_point() and
/// backup::copy_points().
Result<> copy_points(const Workspace& workspace, OpenRepository& from, OpenRepository& to,
                     const CopyChoices& choices, const backup::TellCopied& tell, Progress& progress,
                     const CancelToken& cancel);

}  // namespace reprieve::app
