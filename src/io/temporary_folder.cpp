#include "io/temporary_folder.hpp"

#include <stdlib.h>

#include <cerrno>
#include <utility>

#include "io/directory.hpp"

namespace reprieve::io {

Result<TemporaryFolder> TemporaryFolder::create(const std::string& parent) {
  const char* from_environment = ::getenv("TMPDIR");
  std::string path = !parent.empty() ? parent : from_environment != nullptr ? from_environment : "";
  if (path.empty()) path = "/tmp";
  path += "/reprieve-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return error_from_errno(errno, "make a temporary folder " + path);
  return TemporaryFolder{std::move(path)};
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_{std::exchange(other.path_, {})} {}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty()) ignore_error(remove_tree(path_), "a temporary folder may stay behind");
}

std::string TemporaryFolder::keep() {
  return std::exchange(path_, {});
}

}  // namespace reprieve::io
