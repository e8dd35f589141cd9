#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "plan/model.hpp"
#include "recovery/act.hpp"
#include "recovery/context.hpp"
#include "recovery/host.hpp"

/// The services of a plan on their host: are they up, and what touches them.
namespace reprieve::recovery {

/// What starting and stopping will do, for people.
std::string describe_start(const plan::Plan& plan, const std::string& service);
std::string describe_stop(const plan::Plan& plan, const std::string& service);

/// The process of a `process` service, if it runs.
Result<std::optional<ProcessName>> process_of(const Context& context, const plan::Service& service);
/// Errors: kInvalid if the plan does not say how the service runs.
Result<bool> is_running(const Context& context, const plan::Service& service);

/// The folder below which the children of a service are kept.
std::string children_of(const std::string& service);

/// The service that an act names. Errors: kCorrupt.
Result<const plan::Service*> service_of(const Context& context, const Act& act);

/// Errors: kInvalid for a mount point or a symbolic link: swapping it would not swap what it holds.
Result<> refuse_unswitchable(const std::string& path, const PathView& view);

/// Whether a restored path may be put in its place now.
/// Errors: kInvalid for a mount point or a path on another file system; kConflict if a service or a
/// process still uses what is there; kNotFound if what was restored is gone.
Result<> refuse_unsafe_move(const Context& context, const Act& act);

}  // namespace reprieve::recovery
