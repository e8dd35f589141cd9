#include "storage/rate_limit.hpp"

#include <algorithm>

namespace reprieve {

RateLimit::RateLimit(std::uint64_t bytes_per_second, Clock& clock, const CancelToken* cancel)
    : rate_{bytes_per_second}, clock_{clock}, cancel_{cancel} {}

Result<> RateLimit::take(std::uint64_t bytes) {
  if (rate_ == 0 || bytes == 0) return kOk;
  constexpr Duration kSlice = std::chrono::milliseconds{100};
  const Duration cost{
      static_cast<std::int64_t>(static_cast<double>(bytes) / static_cast<double>(rate_) * 1e9)};
  Duration start{};
  {
    const std::lock_guard lock{mutex_};
    start = std::max(free_at_, clock_.uptime());
    free_at_ = start + cost;
  }
  for (Duration now = clock_.uptime(); now < start; now = clock_.uptime()) {
    if (cancel_ != nullptr) REPRIEVE_RETURN_IF_ERROR(cancel_->check());
    clock_.sleep_for(std::min(start - now, kSlice));
  }
  return kOk;
}

}  // namespace reprieve
