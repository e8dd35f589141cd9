#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace reprieve {

/// A queue between threads that is bounded by the bytes its elements stand for, so that the memory
/// of a pipeline is the sum of its budgets. Any number of producers and consumers.
template <class T>
class BudgetQueue {
 public:
  explicit BudgetQueue(std::size_t budget_bytes) : budget_bytes_{budget_bytes} {}

  /// Blocks while the queue is full. One element larger than the whole budget is let in alone.
  /// Returns false, and drops `item`, if the queue was closed.
  bool push(T item, std::size_t size_bytes) {
    std::unique_lock lock{mutex_};
    has_room_.wait(lock, [&] {
      return is_closed_ || items_.empty() || used_bytes_ + size_bytes <= budget_bytes_;
    });
    if (is_closed_) return false;
    used_bytes_ += size_bytes;
    items_.emplace_back(std::move(item), size_bytes);
    has_item_.notify_one();
    return true;
  }

  /// Blocks until there is an element; nothing once the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock{mutex_};
    has_item_.wait(lock, [&] { return is_closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    auto [item, size_bytes] = std::move(items_.front());
    items_.pop_front();
    used_bytes_ -= size_bytes;
    has_room_.notify_all();
    return std::move(item);
  }

  /// No more elements come in; what is there is still handed out.
  void close() {
    const std::lock_guard lock{mutex_};
    is_closed_ = true;
    has_item_.notify_all();
    has_room_.notify_all();
  }

 private:
  const std::size_t budget_bytes_;
  std::mutex mutex_;
  std::condition_variable has_room_;
  std::condition_variable has_item_;
  std::deque<std::pair<T, std::size_t>> items_;  // Guarded by mutex_, as all below.
  std::size_t used_bytes_ = 0;
  bool is_closed_ = false;
};

}  // namespace reprieve
