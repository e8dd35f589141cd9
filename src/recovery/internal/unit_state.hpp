#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "recovery/host.hpp"

namespace reprieve::recovery {

/// The call that tells how a systemd unit is. Not `is-active`: that answers "not active" in the
/// same way for a unit that does not exist and when systemd cannot be asked.
std::vector<std::string> unit_state_call(const std::string& unit);

/// Pure: what the call's answer means (systemctl(1), `show`; org.freedesktop.systemd1(5), Unit,
/// ActiveState). A unit on its way up or down counts as running: its processes may be there.
/// Errors: kNotFound if there is no such unit; kInvalid if it is masked or broken; kTransient if
/// systemd did not say.
Result<bool> is_unit_running(const std::string& unit, const ShortResult& answer);

/// Pure: what the plan's own `status` command says. Only an ordinary exit code other than 0 means
/// "does not run"; a command that could not run or did not end tells nothing.
/// Errors: kTransient.
Result<bool> is_status_running(const std::string& service, const ShortResult& answer);

}  // namespace reprieve::recovery
