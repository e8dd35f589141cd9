#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "base/cancel.hpp"
#include "repository/internal/sticky_error.hpp"

namespace reprieve::repository {

/// Threads for `wanted`, where 0 means as many as there are cores.
inline unsigned thread_count(unsigned wanted) {
  return wanted == 0 ? std::max(1U, std::thread::hardware_concurrency()) : wanted;
}

/// Calls `work(i)`, which returns Result<>, for each i below `count`, in ascending order but from
/// several threads at once (the caller's is one of them). Stops early at the first error, or at
/// cancellation, and returns it.
template <class Work>
Result<> for_each_parallel(std::size_t count, unsigned threads, const CancelToken& cancel,
                           const Work& work) {
  std::atomic<std::size_t> next{0};
  StickyError failure;
  const auto run = [&] {
    for (std::size_t i = next++; i < count && !failure.is_set(); i = next++) {
      Result<> done = cancel.check();
      if (done) done = work(i);
      if (!done) failure.set(std::move(done).error());
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min<std::size_t>(thread_count(threads), count); ++i)
    others.emplace_back(run);
  run();
  for (std::thread& other : others)
    other.join();
  return failure.check();
}

}  // namespace reprieve::repository
