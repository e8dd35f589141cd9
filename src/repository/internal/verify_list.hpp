#pragma once

#include "repository/verify.hpp"

namespace reprieve::repository {

/// Level kList, but for what ObjectChecker proves of single objects: every object that another one
/// names is there in its size; every writer's chain of snapshots has no gap but by a tomb, also as
/// other writers saw it. Damage is added to `report`. Errors: the store's; kCorrupt if the garbage
/// collection's plans do not verify.
Result<> verify_list(Repository& repository, VerifyReport& report);

}  // namespace reprieve::repository
