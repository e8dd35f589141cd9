#pragma once

#include <atomic>

#include "base/result.hpp"

namespace reprieve {

/// Asks long work to stop at its next safe place. One side calls request(), which is safe in a
/// signal handler; the other polls check(). Thread-safe.
class CancelToken {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool is_requested() const noexcept {
    return requested_.load(std::memory_order_relaxed);
  }
  /// kCancelled once request() was called.
  [[nodiscard]] Result<> check() const {
    if (is_requested()) return Error{ErrorKind::kCancelled, "stopped by the user"};
    return kOk;
  }

 private:
  std::atomic<bool> requested_{false};
};

}  // namespace reprieve
