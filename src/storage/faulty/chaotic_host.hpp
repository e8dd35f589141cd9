#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <vector>

#include "storage/memory/memory_store.hpp"
#include "storage/object_store.hpp"

namespace reprieve {

/// A put() or remove() that is on its way to the store a second time.
struct LateRequest {
  std::uint64_t client = 0;  ///< Who sent it.
  StoreCall call = StoreCall::kPut;
  ObjectKey key;
  Bytes body = {};
};

/// The far side of ChaoticStores: one disk for all of them, the requests that have not arrived yet,
/// and the changes that listings do not tell of yet. For tests. Thread-safe.
class ChaoticHost {
 public:
  explicit ChaoticHost(MemoryStore& disk) : disk_{disk} {}

  [[nodiscard]] MemoryStore& disk() const { return disk_; }

  void keep_under_way(LateRequest request);
  [[nodiscard]] std::size_t under_way() const;
  [[nodiscard]] LateRequest at(std::size_t number) const;
  /// The request of this number arrives, and is told. What comes of it is told to nobody else.
  LateRequest deliver(std::size_t number);

  /// It never arrives.
  void drop(std::size_t number);

  /// As the disk is, but for the changes that are not told yet.
  Result<> list(std::string_view prefix, const ObjectStore::Visit& visit) const;
  /// From here on until reveal(), listings tell of `key` what the disk says now. Call it before the
  /// change.
  void delay_listing(const ObjectKey& key);
  void reveal(const ObjectKey& key);
  [[nodiscard]] std::vector<ObjectKey> delayed() const;

  /// Takes the power away: what was not synced is lost but for what `survives`, requests under way
  /// find nobody, and listings are read from the disk anew.
  void cut_power(const std::function<bool(const ObjectKey&)>& survives = {});

 private:
  MemoryStore& disk_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<LateRequest> under_way_;
  std::map<ObjectKey, std::optional<ByteCount>> told_;  // Of delayed keys; nothing: absent.
};

}  // namespace reprieve
