#include "storage/retrying/retrying_store.hpp"

#include <utility>

namespace reprieve {
RetryingStore::RetryingStore(std::unique_ptr<ObjectStore> inner, Clock& clock, RandomSource& random,
                             const CancelToken* cancel, RetryPolicy policy)
    : inner_{std::move(inner)}, retry_{clock, random, cancel, policy} {}

Result<> RetryingStore::put(const ObjectKey& key, ByteView body) {
  return retry_([&] { return inner_->put(key, body); });
}

Result<> RetryingStore::sync() {
  return inner_->sync();
}

Result<Bytes> RetryingStore::get(const ObjectKey& key, ByteRange range) {
  return retry_([&] { return inner_->get(key, range); });
}

Result<Bytes> RetryingStore::get(const ObjectKey& key, ByteCount size_max) {
  return retry_([&] { return inner_->get(key, size_max); });
}

Result<ObjectInfo> RetryingStore::stat(const ObjectKey& key) {
  return retry_([&] { return inner_->stat(key); });
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
  auto listed = retry_([&]() -> Result<> {
    auto done = inner_->list(prefix, visit_new);
    return visited ? std::move(done) : Result<>{kOk};
  });
  return visited ? std::move(listed) : std::move(visited);
}

Result<> RetryingStore::replace_damaged(const ObjectKey& key, ByteView body) {
  return retry_([&] { return inner_->replace_damaged(key, body); });
}

Result<> RetryingStore::remove(const ObjectKey& key) {
  return retry_([&] { return inner_->remove(key); });
}

}  // namespace reprieve
