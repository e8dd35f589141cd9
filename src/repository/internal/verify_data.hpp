#pragma once

#include <functional>
#include <vector>

#include "repository/internal/object_check.hpp"
#include "repository/verify.hpp"

namespace reprieve::repository {

/// Looks at objects, several at once, and adds what is found to `report`, in order of names.
/// `look` is called by many threads. Errors: its own; kCancelled.
using LookAtObject = std::function<Result<ObjectFinding>(const ObjectInfo&)>;
Result<> look_at_each(const std::vector<ObjectInfo>& objects, const LookAtObject& look,
                      unsigned threads, Progress& progress, const CancelToken& cancel,
                      VerifyReport& report);

/// Level kShards of all objects but packs and pieces of streams, which are as large: who calls
/// verify_data() and verify_pieces() as well need not read them twice. Damage is added to `report`.
/// Errors: the store's; kCancelled.
Result<> verify_objects_but_packs(ObjectStore& store, unsigned threads, Progress& progress,
                                  const CancelToken& cancel, VerifyReport& report);

/// Level kData: of every pack in the store (of those that `rota` chooses, unless it is null) every
/// byte (as verify_shards() does), then its trailer, every frame opened and every chunk's id; trees
/// and lists name no child that the trailer does not list. Pack by pack, several at once. Damage is
/// added to `report`, not an Error. Errors: kDenied if the key cannot read; the store's;
/// kCancelled.
Result<> verify_data(Repository& repository, unsigned threads, Progress& progress,
                     const CancelToken& cancel, const PackRota* rota, VerifyReport& report);

/// Level kData of the pieces of streams, all of them: every byte, what it opens to, and that it is
/// what its name says. One that a revoked member wrote is no damage but a remark. As verify_data().
Result<> verify_pieces(Repository& repository, unsigned threads, Progress& progress,
                       const CancelToken& cancel, VerifyReport& report);

}  // namespace reprieve::repository
