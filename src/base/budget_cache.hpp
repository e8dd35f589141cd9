#pragma once

#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/result.hpp"

namespace reprieve {

/// Recently used values, up to a number of bytes. What several threads want at once is loaded once.
/// Thread-safe.
template <class Key, class Value, class Hash = std::hash<Key>>
class BudgetCache {
 public:
  using Pointer = std::shared_ptr<const Value>;
  /// A value and what it counts against the budget.
  struct Loaded {
    Pointer value;
    std::size_t size_bytes = 0;
  };

  explicit BudgetCache(std::size_t budget_bytes) : budget_bytes_{budget_bytes} {}

  /// The value of `key`, from `load()`, which gives a Result<Loaded>, if it is not there. An error
  /// goes to all who wait for it and is not kept. A value beyond the budget is kept alone.
  template <class Load>
  Result<Pointer> get(const Key& key, const Load& load) {
    std::unique_lock lock{mutex_};
    if (Pointer here = find(key)) return here;
    if (const auto other = flights_.find(key); other != flights_.end()) {
      const std::shared_ptr<Flight> flight = other->second;
      is_landed_.wait(lock, [&] { return flight->result.has_value(); });
      return *flight->result;
    }
    const auto flight = std::make_shared<Flight>();
    flights_.emplace(key, flight);
    lock.unlock();
    Result<Loaded> loaded = load();
    lock.lock();
    flights_.erase(key);
    if (loaded) {
      put(key, *loaded);
      flight->result = Result<Pointer>{loaded->value};
    } else {
      flight->result = Result<Pointer>{loaded.error()};
    }
    is_landed_.notify_all();
    return *flight->result;
  }

  /// Whether it is there or on its way.
  bool has(const Key& key) {
    const std::lock_guard lock{mutex_};
    return places_.contains(key) || flights_.contains(key);
  }

 private:
  struct Flight {
    std::optional<Result<Pointer>> result;
  };
  struct Kept {
    Key key;
    Loaded loaded;
  };

  Pointer find(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->loaded.value;
  }

  void put(const Key& key, const Loaded& loaded) {
    used_bytes_ += loaded.size_bytes;
    order_.push_front({key, loaded});
    places_[key] = order_.begin();
    while (used_bytes_ > budget_bytes_ && order_.size() > 1) {
      used_bytes_ -= order_.back().loaded.size_bytes;
      places_.erase(order_.back().key);
      order_.pop_back();
    }
  }

  const std::size_t budget_bytes_;
  std::mutex mutex_;
  std::condition_variable is_landed_;
  // Guarded by mutex_, as all below. Most recently used first.
  std::list<Kept> order_;
  std::unordered_map<Key, typename std::list<Kept>::iterator, Hash> places_;
  std::unordered_map<Key, std::shared_ptr<Flight>, Hash> flights_;
  std::size_t used_bytes_ = 0;
};

}  // namespace reprieve
