#include "storage/retrying/retry.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace reprieve {
namespace {

/// How often a wait looks whether it is to end.
constexpr Duration kSlice = std::chrono::milliseconds{100};

}  // namespace

Retry::Retry(Clock& clock, RandomSource& random, const CancelToken* cancel, RetryPolicy policy)
    : clock_{clock}, random_{random}, cancel_{cancel}, policy_{policy} {
  REPRIEVE_ASSERT(policy_.tries > 0);
}

Duration Retry::wait_after(unsigned failures) const {
  Duration longest = policy_.first_wait;
  for (unsigned i = 1; i < failures && longest < policy_.wait_max; ++i)
    longest *= policy_.factor;
  longest = std::min(longest, policy_.wait_max);
  std::uint16_t chance = 0;
  random_.fill(std::as_writable_bytes(std::span{&chance, 1}));
  return longest - longest / 2 * chance / UINT16_MAX;
}

Result<> Retry::wait(unsigned failures) const {
  const auto check = [&] { return cancel_ == nullptr ? Result<>{kOk} : cancel_->check(); };
  const Duration until = clock_.uptime() + wait_after(failures);
  for (Duration left = until - clock_.uptime(); left > Duration{0};
       left = until - clock_.uptime()) {
    REPRIEVE_RETURN_IF_ERROR(check());
    clock_.sleep_for(std::min(left, kSlice));
  }
  return check();
}

}  // namespace reprieve
