#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "repository/internal/key_ring.hpp"
#include "storage/object_store.hpp"

namespace reprieve::simulation {

/// Knows, from what lies on the disk itself, which packs may be removed: those that a plan
/// condemned, once every session that was announced before the plan, and did not see it, has ended.
class CondemnedWatch {
 public:
  CondemnedWatch(ObjectStore& disk, const repository::KeyRing& keys) : disk_{disk}, keys_{keys} {}

  /// Something may have been put under `key`.
  void note_put(const std::string& key);
  /// Power was cut: what is not on the disk any more never was.
  void note_power_cut();
  /// Why `key` may not be removed now; nothing if it may.
  std::optional<std::string> objection(const std::string& key);

 private:
  struct Session {
    std::uint64_t announced = 0;  ///< In the order of all puts.
    std::uint64_t gc_seen = 0;
  };
  struct Plan {
    std::uint64_t n = 0;
    std::uint64_t made = 0;
  };
  void note_session(const std::string& key);
  void note_plan(const std::string& key);
  bool has_ended(const std::string& session);

  ObjectStore& disk_;
  const repository::KeyRing& keys_;
  std::uint64_t puts_ = 0;
  std::map<std::string, Session> sessions_;  // By key.
  std::map<std::string, Plan> condemned_;    // By pack's key; the first plan.
};

}  // namespace reprieve::simulation
