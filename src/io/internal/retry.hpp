#pragma once

#include <cerrno>

namespace reprieve::io {

/// Repeats a system call that a signal interrupted before it did anything.
template <class Call>
auto retry_if_interrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR)
    result = call();
  return result;
}

}  // namespace reprieve::io
