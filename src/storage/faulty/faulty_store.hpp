#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "storage/memory/memory_store.hpp"
#include "storage/object_store.hpp"

namespace reprieve {

/// Changes the bytes of an object as a reader sees them.
using ReadDamage = std::function<void(Bytes&)>;
ReadDamage flip_byte(std::size_t at);      ///< No effect past the end.
ReadDamage truncate_to(std::size_t size);  ///< No effect on a shorter object.

/// Passes calls on to another store and makes chosen ones fail or lie. For tests. Thread-safe.
class FaultyStore : public ObjectStore {
 public:
  explicit FaultyStore(ObjectStore& inner) : inner_{inner} {}

  /// The `nth` call of this sort from now on (1 is the next) fails once with `kind`, without an
  /// effect. One fault per sort of call at a time; both forms of get() count as one sort.
  void fail(StoreCall call, int nth, ErrorKind kind);
  /// Every later call of this sort fails.
  void fail_always(StoreCall call, ErrorKind kind);
  /// Both forms of get(), and stat(), see `key` changed. The stored bytes stay as they are.
  void damage_on_read(const ObjectKey& key, ReadDamage damage);

  Result<> put(const ObjectKey& key, ByteView body) override;
  Result<> sync() override;
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override;
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override;
  Result<ObjectInfo> stat(const ObjectKey& key) override;
  Result<> list(std::string_view prefix, const Visit& visit) override;
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override;
  Result<> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string describe() const override { return inner_.describe(); }

 private:
  struct Fault {
    int calls_until = 0;
    ErrorKind kind = ErrorKind::kTransient;
    bool is_permanent = false;
  };
  Result<> take_fault(StoreCall call);
  ReadDamage damage_of(const ObjectKey& key);
  Result<Bytes> damaged(const ObjectKey& key, const ReadDamage& damage);

  ObjectStore& inner_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::map<StoreCall, Fault> faults_;
  std::map<ObjectKey, ReadDamage> damages_;
};

}  // namespace reprieve
