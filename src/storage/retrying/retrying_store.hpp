#pragma once

#include <memory>

#include "storage/object_store.hpp"
#include "storage/retrying/retry.hpp"

namespace reprieve {

/// Tries calls of another store again when they fail for a reason that passes, as those of network
/// file systems and services do: see Retry. What a list() has visited is not visited again.
/// Thread-safe.
///
/// sync() is passed on once: when a system fails to write, it may forget what it should have
/// written, so that a second call succeeds without it.
class RetryingStore : public ObjectStore {
 public:
  /// `clock`, `random`, `cancel` and `policy` as for Retry.
  RetryingStore(std::unique_ptr<ObjectStore> inner, Clock& clock, RandomSource& random,
                const CancelToken* cancel = nullptr, RetryPolicy policy = {});

  Result<> put(const ObjectKey& key, ByteView body) override;
  Result<> sync() override;
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override;
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override;
  Result<ObjectInfo> stat(const ObjectKey& key) override;
  Result<> list(std::string_view prefix, const Visit& visit) override;
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override;
  Result<> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string describe() const override { return inner_->describe(); }

 private:
  const std::unique_ptr<ObjectStore> inner_;
  const Retry retry_;
};

}  // namespace reprieve
