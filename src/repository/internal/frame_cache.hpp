#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/bytes.hpp"

namespace reprieve::repository {

/// Recently used frames, plain, up to a number of bytes. Thread-safe.
class FrameCache {
 public:
  using Frame = std::shared_ptr<const Bytes>;
  explicit FrameCache(std::size_t budget_bytes) : budget_bytes_{budget_bytes} {}

  /// Null if it is not there.
  Frame find(std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    const auto found = places_.find(number);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->second;
  }

  /// Drops the least recently used ones to make room; a frame beyond the budget is kept alone.
  void put(std::uint64_t number, Frame frame) {
    const std::lock_guard lock{mutex_};
    if (places_.contains(number)) return;
    used_bytes_ += frame->size();
    order_.emplace_front(number, std::move(frame));
    places_[number] = order_.begin();
    while (used_bytes_ > budget_bytes_ && order_.size() > 1) {
      used_bytes_ -= order_.back().second->size();
      places_.erase(order_.back().first);
      order_.pop_back();
    }
  }

 private:
  const std::size_t budget_bytes_;
  std::mutex mutex_;
  // Guarded by mutex_. Most recently used first.
  std::list<std::pair<std::uint64_t, Frame>> order_;
  std::unordered_map<std::uint64_t, decltype(order_)::iterator> places_;
  std::size_t used_bytes_ = 0;
};

}  // namespace reprieve::repository
