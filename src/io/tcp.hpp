#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace reprieve::io {

/// Connects to `host` (a name or an address) and closes again; returns how long that took. All
/// addresses of the name are tried, one after the other, within `timeout`; looking the name up is
/// bounded by the resolver's own limits. Errors: kNotFound if the name has no address; kTransient
/// if nobody answers or the port is closed.
Result<Duration> check_tcp(const std::string& host, std::uint16_t port, Duration timeout,
                           Clock& clock);

}  // namespace reprieve::io
