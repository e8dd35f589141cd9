#include "storage/retrying/retrying_store.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace reprieve {
namespace {

/// How often a wait looks whether it is to end.
constexpr Duration kSlice = std::chrono::milliseconds{100};

}  // namespace

RetryingStore::RetryingStore(std::unique_ptr<ObjectStore> inner, Clock& clock, RandomSource& random,
                             const CancelToken* cancel, RetryPolicy policy)
    : inner_{std::move(inner)}, clock_{clock}, random_{random}, cancel_{cancel}, policy_{policy} {
  REPRIEVE_ASSERT(policy_.tries > 0);
}

Duration RetryingStore::wait_after(unsigned failures) {
  Duration longest = policy_.first_wait;
  for (unsigned i = 1; i < failures && longest < policy_.wait_max; ++i)
    longest *= policy_.factor;
  longest = std::min(longest, policy_.wait_max);
  std::uint16_t chance = 0;
  random_.fill(std::as_writable_bytes(std::span{&chance, 1}));
  return longest - longest / 2 * chance / UINT16_MAX;
}

Result<> RetryingStore::wait(unsigned failures) {
  const auto check = [&] { return cancel_ == nullptr ? Result<>{kOk} : cancel_->check(); };
  const Duration until = clock_.uptime() + wait_after(failures);
  for (Duration left = until - clock_.uptime(); left > Duration{0};
       left = until - clock_.uptime()) {
    REPRIEVE_RETURN_IF_ERROR(check());
    clock_.sleep_for(std::min(left, kSlice));
  }
  return check();
}

template <class Call>
auto RetryingStore::retry(const Call& call) -> decltype(call()) {
  for (unsigned failures = 0;;) {
    auto result = call();
    if (result || !is_retryable(result.error().kind)) return result;
    if (++failures == policy_.tries) {
      result.error().what += " (tried " + std::to_string(failures) + " times)";
      return result;
    }
    REPRIEVE_RETURN_IF_ERROR(wait(failures));
  }
}

Result<> RetryingStore::put(const ObjectKey& key, ByteView body) {
  return retry([&] { return inner_->put(key, body); });
}

Result<> RetryingStore::sync() {
  return inner_->sync();
}

Result<Bytes> RetryingStore::get(const ObjectKey& key, ByteRange range) {
  return retry([&] { return inner_->get(key, range); });
}

Result<Bytes> RetryingStore::get(const ObjectKey& key, ByteCount size_max) {
  return retry([&] { return inner_->get(key, size_max); });
}

Result<ObjectInfo> RetryingStore::stat(const ObjectKey& key) {
  return retry([&] { return inner_->stat(key); });
}

Result<> RetryingStore::list(std::string_view prefix, const Visit& visit) {
  ObjectKey last;
  Result<> visited = kOk;  // The visitor's failures are its own, and end the listing.
  const auto visit_new = [&](const ObjectInfo& object) -> Result<> {
    if (!last.empty() && object.key <= last) return kOk;
    last = object.key;
    visited = visit(object);
    return visited;
  };
  auto listed = retry([&]() -> Result<> {
    auto done = inner_->list(prefix, visit_new);
    return visited ? std::move(done) : Result<>{kOk};
  });
  return visited ? std::move(listed) : std::move(visited);
}

Result<> RetryingStore::replace_damaged(const ObjectKey& key, ByteView body) {
  return retry([&] { return inner_->replace_damaged(key, body); });
}

Result<> RetryingStore::remove(const ObjectKey& key) {
  return retry([&] { return inner_->remove(key); });
}

}  // namespace reprieve
