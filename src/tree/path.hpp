#pragma once

#include <string>
#include <string_view>

/// Paths inside recovery points: raw bytes between slashes.
namespace reprieve {

/// Without slashes at the ends and "./" in front; "." is "".
std::string_view trimmed_path(std::string_view path);
/// `name` in the directory `path`, where "" is the root.
std::string joined_path(std::string_view path, std::string_view name);

}  // namespace reprieve
