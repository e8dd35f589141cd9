#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "tree/entry.hpp"

namespace reprieve::filesystem {

/// The system's names of users and groups, each asked for once: a name service may take
/// milliseconds for an answer. Thread-safe.
class OwnerNames {
 public:
  Owner owner_of(std::uint32_t uid, std::uint32_t gid);

  /// The ids that this system has for the names of `owner`; where it knows no such name (or the
  /// owner has none), the numbers themselves.
  Owner resolve(const Owner& owner);

 private:
  template <class Key, class Value>
  struct Table {
    std::shared_mutex mutex;
    std::unordered_map<Key, Value> known;  // Guarded by mutex.
  };
  template <class Key, class Value, class Ask>
  static Value look_up(Table<Key, Value>& table, const Key& key, const Ask& ask);

  Table<std::uint32_t, std::string> users_;
  Table<std::uint32_t, std::string> groups_;
  Table<std::string, std::optional<std::uint32_t>> user_ids_;
  Table<std::string, std::optional<std::uint32_t>> group_ids_;
};

}  // namespace reprieve::filesystem
