#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/object_store.hpp"

namespace reprieve {

enum class StoreCall : std::uint8_t { kPut, kSync, kGet, kStat, kList, kReplace, kRemove };

/// One call as a MemoryStore recorded it. `key` is the prefix for kList, empty for kSync.
struct RecordedCall {
  StoreCall call;
  ObjectKey key;
  friend bool operator==(const RecordedCall&, const RecordedCall&) = default;
};

/// Objects in memory, for tests and simulation. It knows what sync() has not covered yet, so that a
/// test can take the power away.
class MemoryStore : public ObjectStore {
 public:
  Result<> put(const ObjectKey& key, ByteView body) override;
  Result<> sync() override;
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override;
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override;
  Result<ObjectInfo> stat(const ObjectKey& key) override;
  Result<> list(std::string_view prefix, const Visit& visit) override;
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override;
  Result<> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string describe() const override { return "memory"; }

  /// What a power cut does: each object changed since the last sync() goes back to what it was
  /// then, unless `survives` says that its change had reached the disk by chance.
  void lose_unsynced(const std::function<bool(const ObjectKey&)>& survives = {});

  /// A sync() of one of several clients: makes durable only what changed under keys that it covers.
  void sync_only(const std::function<bool(const ObjectKey&)>& covers);

  /// Changes stored bytes behind the program's back, as a bad disk does. False if there is no such
  /// object.
  bool damage(const ObjectKey& key, const std::function<void(Bytes&)>& change);

  [[nodiscard]] std::size_t object_count() const;

  /// From here on, calls are recorded.
  void start_recording();
  [[nodiscard]] std::vector<RecordedCall> recorded() const;

 private:
  using Body = std::shared_ptr<const Bytes>;  // Shared, so that readers copy outside the lock.

  Result<Body> find(const ObjectKey& key) const;
  void record(StoreCall call, std::string_view key);
  void remember_durable(const ObjectKey& key);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<ObjectKey, Body> objects_;
  std::map<ObjectKey, std::optional<Body>> before_;  // As at the last sync(); nothing = absent.
  bool is_recording_ = false;
  std::vector<RecordedCall> recorded_;
};

}  // namespace reprieve
