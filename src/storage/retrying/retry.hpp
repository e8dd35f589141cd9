#pragma once

#include <string>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace reprieve {

/// How long a passing failure is waited out. The waits grow by `factor`, and each is cut by up to
/// half at random, so that the threads and hosts that failed together do not come back together.
struct RetryPolicy {
  unsigned tries = 5;  ///< Of one call, the first included; at least 1.
  Duration first_wait = std::chrono::milliseconds{500};
  unsigned factor = 4;
  Duration wait_max = std::chrono::seconds{20};
};

/// Tries a call again when it fails for a reason that passes (is_retryable()); by default for up to
/// half a minute. Every other failure, and the last of the tries, is returned as it came.
/// Thread-safe; the calls of different threads wait by themselves.
class Retry {
 public:
  /// `clock`, `random` and `cancel` must outlive it. Waiting ends early with kCancelled when
  /// `cancel`, which may be null, is requested.
  Retry(Clock& clock, RandomSource& random, const CancelToken* cancel, RetryPolicy policy = {});

  /// `call` gives a Result.
  template <class Call>
  auto operator()(const Call& call) const -> decltype(call()) {
    for (unsigned failures = 0;;) {
      auto result = call();
      if (result || !is_retryable(result.error().kind)) return result;
      if (++failures == policy_.tries) {
        result.error().what += " (tried " + std::to_string(failures) + " times)";
        return result;
      }
      REPRIEVE_RETURN_IF_ERROR(wait(failures));
    }
  }

 private:
  [[nodiscard]] Result<> wait(unsigned failures) const;
  [[nodiscard]] Duration wait_after(unsigned failures) const;

  Clock& clock_;
  RandomSource& random_;
  const CancelToken* const cancel_;
  const RetryPolicy policy_;
};

}  // namespace reprieve
