#include "io/loaded_libraries.hpp"

#include <link.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "io/file.hpp"

namespace reprieve::io {
namespace {

/// glibc 2.36's own (Debian's libc6).
bool is_of_the_c_library(std::string_view name) {
  constexpr std::array<std::string_view, 10> kOwn = {
      "ld-",     "libc.",  "libm.",       "libdl.",     "librt.",
      "libanl.", "libnss", "libpthread.", "libresolv.", "libutil."};
  return std::ranges::any_of(kOwn, [&](std::string_view own) { return name.starts_with(own); });
}

int take(struct dl_phdr_info* object, std::size_t, void* list) {
  const std::string path = object->dlpi_name;
  // The program itself has no name, the kernel's page no path.
  if (path.find('/') != path.npos && !is_of_the_c_library(name_in(path)))
    static_cast<std::vector<std::string>*>(list)->push_back(path);
  return 0;
}

}  // namespace

std::vector<std::string> loaded_libraries() {
  std::vector<std::string> paths;
  ::dl_iterate_phdr(take, &paths);
  return paths;
}

}  // namespace reprieve::io
