#pragma once

#include <cstdint>
#include <mutex>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace reprieve {

/// A token bucket shared by threads: over time no more than its rate gets through. What one call
/// takes may exceed the bucket, and is paid for by those that come after. Thread-safe.
class RateLimit {
 public:
  /// `bytes_per_second` of zero is no limit. `clock` and `cancel`, which may be null, must outlive
  /// this object.
  RateLimit(std::uint64_t bytes_per_second, Clock& clock, const CancelToken* cancel = nullptr);

  /// Waits until earlier takers are paid for. Errors: kCancelled.
  Result<> take(std::uint64_t bytes);

 private:
  const std::uint64_t rate_;
  Clock& clock_;
  const CancelToken* const cancel_;
  std::mutex mutex_;
  Duration free_at_{};  ///< Guarded by mutex_. When all that was taken is paid for.
};

}  // namespace reprieve
