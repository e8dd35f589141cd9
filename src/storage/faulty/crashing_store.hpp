#pragma once

#include <shared_mutex>
#include <string>

#include "base/random.hpp"
#include "storage/memory/memory_store.hpp"
#include "storage/object_store.hpp"

namespace reprieve {

/// What becomes at the crash of changes that sync() has not covered.
enum class UnsyncedAtCrash : std::uint8_t {
  kLost,
  kKept,
  kByChance,  ///< Each object's change survives or not: disks write in any order.
};

/// Whether the call in which the crash happens had its effect before.
enum class CrashingCall : std::uint8_t { kUndone, kDone };

struct CrashOptions {
  UnsyncedAtCrash unsynced = UnsyncedAtCrash::kLost;
  CrashingCall last_call = CrashingCall::kUndone;
  std::uint64_t seed = 1;  ///< Of the chances of kByChance.
};

/// Takes the power away from a MemoryStore at a chosen call. For tests that crash at every write:
/// the disk outlives this object, as the disk of a crashed host does. Thread-safe.
class CrashingStore : public ObjectStore {
 public:
  /// Lets `writes` calls of put(), sync(), replace_damaged() and remove() through and crashes in
  /// the next one: it and all later calls, reads too, fail with kTransient "crashed".
  CrashingStore(MemoryStore& disk, int writes, CrashOptions options = {});

  Result<> put(const ObjectKey& key, ByteView body) override;
  Result<> sync() override;
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override;
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override;
  Result<ObjectInfo> stat(const ObjectKey& key) override;
  Result<> list(std::string_view prefix, const Visit& visit) override;
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override;
  Result<> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string describe() const override { return disk_.describe(); }

  [[nodiscard]] bool has_crashed() const;

 private:
  Result<> check_alive() const;
  template <class Call>
  Result<> write(const Call& call);
  void crash();

  MemoryStore& disk_;
  const CrashOptions options_;
  /// Shared by calls in progress, alone by the crash: nothing may reach the disk after it.
  mutable std::shared_mutex mutex_;
  int writes_left_;           // Guarded by mutex_, held alone.
  bool has_crashed_ = false;  // Guarded by mutex_.
};

}  // namespace reprieve
