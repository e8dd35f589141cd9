#pragma once

#include <string.h>

#include "base/bytes.hpp"

namespace reprieve::crypto {

/// Overwrites key material; unlike memset, the optimizer may not drop it.
inline void erase(MutableByteView bytes) noexcept {
  if (!bytes.empty()) ::explicit_bzero(bytes.data(), bytes.size());
}

/// Erases what it refers to on the way out of a scope.
class EraseOnExit {
 public:
  explicit EraseOnExit(MutableByteView bytes) : bytes_{bytes} {}
  EraseOnExit(const EraseOnExit&) = delete;
  EraseOnExit& operator=(const EraseOnExit&) = delete;
  ~EraseOnExit() { erase(bytes_); }

 private:
  MutableByteView bytes_;
};

}  // namespace reprieve::crypto
