#pragma once

#include "repository/verify.hpp"

namespace reprieve::repository {

/// Level kReach: walks every snapshot's trees and looks each chunk up: indexed, of the length that
/// the tree says, in a pack that the store has, and not among what was lost. Damage is added to
/// `report`, one for each snapshot. Memory is bounded; what was walked once is not walked again as
/// long as it is remembered. Errors: kDenied if the key cannot read; the store's; kCancelled.
Result<> verify_reach(Repository& repository, const Loss& loss, const CancelToken& cancel,
                      VerifyReport& report);

}  // namespace reprieve::repository
