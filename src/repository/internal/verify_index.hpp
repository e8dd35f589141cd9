#pragma once

#include "repository/verify.hpp"

namespace reprieve::repository {

/// Level kIndex: what each pack's trailer says is what the indexes say, and every pack of a
/// finished session is in one. Reads labels and trailers. Damage is added to `report`. Errors: the
/// store's; kCancelled.
Result<> verify_index(Repository& repository, unsigned threads, const CancelToken& cancel,
                      VerifyReport& report);

}  // namespace reprieve::repository
