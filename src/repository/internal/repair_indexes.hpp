#pragma once

#include "base/result.hpp"
#include "repository/repository.hpp"
#include "repository/verify.hpp"

namespace reprieve::repository {

/// Indexes all packs that no sound index covers, and clears away damaged indexes among
/// `report.left` once others cover their packs. Needs a key that may sign and seal indexes, and
/// does nothing without. What it does goes into `report`. Errors: the store's.
Result<> repair_indexes(Repository& repository, bool dry_run, RepairReport& report);

}  // namespace reprieve::repository
