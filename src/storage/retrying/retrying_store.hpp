#pragma once

#include <memory>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "storage/object_store.hpp"

namespace reprieve {

/// How long a passing failure is waited out. The waits grow by `factor`, and each is cut by up to
/// half at random, so that the threads and hosts that failed together do not come back together.
struct RetryPolicy {
  unsigned tries = 5;  ///< Of one call, the first included; at least 1.
  Duration first_wait = std::chrono::milliseconds{500};
  unsigned factor = 4;
  Duration wait_max = std::chrono::seconds{20};
};

/// Tries calls of another store again when they fail for a reason that passes (is_retryable()), as
/// those of network file systems and services do; by default for up to half a minute. Every other
/// failure, and the last of the tries, is returned as it came. What a list() has visited is not
/// visited again. Thread-safe; the calls of different threads wait by themselves.
///
/// sync() is passed on once: when a system fails to write, it may forget what it should have
/// written, so that a second call succeeds without it.
class RetryingStore : public ObjectStore {
 public:
  /// `clock`, `random` and `cancel` must outlive the store. Waiting ends early with kCancelled when
  /// `cancel`, which may be null, is requested.
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
  template <class Call>
  auto retry(const Call& call) -> decltype(call());
  Result<> wait(unsigned failures);
  [[nodiscard]] Duration wait_after(unsigned failures);

  const std::unique_ptr<ObjectStore> inner_;
  Clock& clock_;
  RandomSource& random_;
  const CancelToken* const cancel_;
  const RetryPolicy policy_;
};

}  // namespace reprieve
