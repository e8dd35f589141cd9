#include "tree/path.hpp"

namespace reprieve {

std::string_view trimmed_path(std::string_view path) {
  while (path.starts_with("./"))
    path.remove_prefix(2);
  while (path.starts_with('/'))
    path.remove_prefix(1);
  while (path.ends_with('/'))
    path.remove_suffix(1);
  return path == "." ? std::string_view{} : path;
}

std::string joined_path(std::string_view path, std::string_view name) {
  std::string joined;
  joined.reserve(path.size() + 1 + name.size());
  joined += path;
  if (!path.empty()) joined += '/';
  joined += name;
  return joined;
}

}  // namespace reprieve
