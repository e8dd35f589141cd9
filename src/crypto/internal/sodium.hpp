#pragma once

#include <sodium.h>

#include "base/assert.hpp"

namespace reprieve::crypto {

/// Lets libsodium choose its implementations for this processor; each use comes through here.
inline void start_sodium() {
  static const int status = sodium_init();
  REPRIEVE_ASSERT(status >= 0);
}

}  // namespace reprieve::crypto
