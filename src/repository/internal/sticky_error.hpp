#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "base/result.hpp"

namespace reprieve::repository {

/// The first failure of several threads that work on one thing; once there, it stays. Thread-safe.
class StickyError {
 public:
  /// Keeps `error` unless there is one already.
  void set(Error error) {
    const std::lock_guard lock{mutex_};
    if (!error_) error_ = std::move(error);
    is_set_.store(true, std::memory_order_release);
  }
  [[nodiscard]] bool is_set() const { return is_set_.load(std::memory_order_acquire); }
  [[nodiscard]] Result<> check() const {
    if (!is_set()) return kOk;
    const std::lock_guard lock{mutex_};
    return *error_;
  }

 private:
  std::atomic<bool> is_set_{false};
  mutable std::mutex mutex_;
  std::optional<Error> error_;  // Guarded by mutex_.
};

}  // namespace reprieve::repository
