#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace reprieve {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "reprieve: internal error: %s:%d: assertion failed: %s\n", file, line,
               condition);
  std::abort();
}

}  // namespace reprieve
