#pragma once

#include "base/result.hpp"
#include "repository/internal/gc_record.hpp"
#include "repository/repository.hpp"

namespace reprieve::repository {

/// Signs and puts a tomb, not yet durable; returns its name. Errors: the store's.
Result<ObjectKey> put_tomb(Repository& repository, Tomb tomb);

Tomb tomb_of(const SessionId& session);
Tomb tomb_of(const Snapshot& snapshot);

/// Whether a point may get its tomb. It may stand on what is condemned until a plan has seen it and
/// had that copied out; others may have built on it meanwhile.
bool is_settled(const Snapshot& snapshot, const GcState& gc);

}  // namespace reprieve::repository
