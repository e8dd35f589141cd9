#pragma once

#include <string>
#include <vector>

namespace reprieve::io {

/// The shared libraries that this process runs with, by the path under which the dynamic linker
/// found them (its last segment is the soname), in no order. Those of the C library itself are left
/// out: they belong to the system, and so does the dynamic linker (dl_iterate_phdr(3)).
std::vector<std::string> loaded_libraries();

}  // namespace reprieve::io
