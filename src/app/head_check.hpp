#pragma once

#include "app/workspace.hpp"
#include "base/result.hpp"

namespace reprieve::app {

/// Lists the recovery points of a repository that was just unlocked, and compares its heads with
/// those that this host remembers: what differs is in `opened.alarms` and, for kRead, told as a
/// warning; without an alarm, what is new is remembered. Errors: the store's; kCorrupt for kWrite
/// if there is an alarm.
Result<> check_heads(const Workspace& workspace, OpenRepository& opened, Purpose purpose);

/// Remembers a recovery point that this host has just made, so that its disappearance is noticed.
/// What goes wrong is a warning: the point is made.
void remember_point(const Workspace& workspace, const OpenRepository& open,
                    const repository::Snapshot& point);

/// `repo head --accept-rollback`: from now on the state that was found is right. Durable. Errors:
/// those of the file.
Result<> accept_heads(const Workspace& workspace, const OpenRepository& open);

}  // namespace reprieve::app
