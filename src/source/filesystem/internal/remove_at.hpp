#pragma once

#include <cstdint>
#include <string>

namespace reprieve::filesystem {

/// Removes `name` in an open directory and everything below it, at any depth, following no symlink
/// and with few descriptors. Adds to `removed` what was removed. Returns 0 or the first errno.
int remove_at(int directory_fd, const std::string& name, std::uint64_t& removed);

/// Takes the flags that forbid changes from `name`, as far as this user may.
void thaw_at(int directory_fd, const std::string& name);

}  // namespace reprieve::filesystem
