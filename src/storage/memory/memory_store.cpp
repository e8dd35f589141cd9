#include "storage/memory/memory_store.hpp"

#include <algorithm>
#include <utility>

#include "storage/key.hpp"

namespace reprieve {

Result<MemoryStore::Body> MemoryStore::find(const ObjectKey& key) const {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  const std::lock_guard lock{mutex_};
  const auto found = objects_.find(key);
  if (found == objects_.end()) return no_such_object(key);
  return found->second;
}

void MemoryStore::record(StoreCall call, std::string_view key) {
  const std::lock_guard lock{mutex_};
  if (is_recording_) recorded_.push_back({call, ObjectKey{key}});
}

/// Called with mutex_ held, before an object changes.
void MemoryStore::remember_durable(const ObjectKey& key) {
  const auto found = objects_.find(key);
  // try_emplace: only the first change since the last sync() counts.
  before_.try_emplace(key, found == objects_.end() ? std::optional<Body>{} : found->second);
}

Result<> MemoryStore::put(const ObjectKey& key, ByteView body) {
  record(StoreCall::kPut, key);
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  Body copy = std::make_shared<const Bytes>(copy_of(body));
  const std::lock_guard lock{mutex_};
  const auto found = objects_.find(key);
  if (found != objects_.end()) {
    if (*found->second == *copy) return kOk;
    return other_bytes_stored(key);
  }
  remember_durable(key);
  objects_.emplace(key, std::move(copy));
  return kOk;
}

Result<> MemoryStore::sync() {
  record(StoreCall::kSync, {});
  const std::lock_guard lock{mutex_};
  before_.clear();
  return kOk;
}

Result<Bytes> MemoryStore::get(const ObjectKey& key, ByteRange range) {
  record(StoreCall::kGet, key);
  REPRIEVE_TRY(const Body body, find(key));
  REPRIEVE_RETURN_IF_ERROR(check_range(key, range, ByteCount{body->size()}));
  return copy_of(ByteView{*body}.subspan(range.offset.value, range.length.value));
}

Result<Bytes> MemoryStore::get(const ObjectKey& key, ByteCount size_max) {
  record(StoreCall::kGet, key);
  REPRIEVE_TRY(const Body body, find(key));
  if (body->size() > size_max.value)
    return object_too_large(key, ByteCount{body->size()}, size_max);
  return *body;
}

Result<ObjectInfo> MemoryStore::stat(const ObjectKey& key) {
  record(StoreCall::kStat, key);
  REPRIEVE_TRY(const Body body, find(key));
  return ObjectInfo{key, ByteCount{body->size()}};
}

Result<> MemoryStore::list(std::string_view prefix, const Visit& visit) {
  record(StoreCall::kList, prefix);
  REPRIEVE_RETURN_IF_ERROR(check_list_prefix(prefix));
  std::vector<ObjectInfo> found;
  {
    // `visit` may call this store again, so it runs without the lock.
    const std::lock_guard lock{mutex_};
    for (auto at = objects_.lower_bound(ObjectKey{prefix});
         at != objects_.end() && at->first.starts_with(prefix); ++at)
      found.push_back({at->first, ByteCount{at->second->size()}});
  }
  for (const ObjectInfo& object : found)
    REPRIEVE_RETURN_IF_ERROR(visit(object));
  return kOk;
}

Result<> MemoryStore::replace_damaged(const ObjectKey& key, ByteView body) {
  record(StoreCall::kReplace, key);
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  const std::lock_guard lock{mutex_};
  objects_[key] = std::make_shared<const Bytes>(copy_of(body));
  before_.erase(key);  // It is durable at once.
  return kOk;
}

Result<> MemoryStore::remove(const ObjectKey& key) {
  record(StoreCall::kRemove, key);
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  const std::lock_guard lock{mutex_};
  if (!objects_.contains(key)) return kOk;
  remember_durable(key);
  objects_.erase(key);
  return kOk;
}

void MemoryStore::lose_unsynced(const std::function<bool(const ObjectKey&)>& survives) {
  const std::lock_guard lock{mutex_};
  for (const auto& [key, before] : before_) {
    if (survives && survives(key)) continue;
    if (before) {
      objects_[key] = *before;
    } else {
      objects_.erase(key);
    }
  }
  before_.clear();
}

void MemoryStore::sync_only(const std::function<bool(const ObjectKey&)>& covers) {
  const std::lock_guard lock{mutex_};
  std::erase_if(before_, [&](const auto& change) { return covers(change.first); });
}

bool MemoryStore::damage(const ObjectKey& key, const std::function<void(Bytes&)>& change) {
  const std::lock_guard lock{mutex_};
  const auto found = objects_.find(key);
  if (found == objects_.end()) return false;
  Bytes bytes = *found->second;
  change(bytes);
  found->second = std::make_shared<const Bytes>(std::move(bytes));
  return true;
}

std::size_t MemoryStore::object_count() const {
  const std::lock_guard lock{mutex_};
  return objects_.size();
}

void MemoryStore::start_recording() {
  const std::lock_guard lock{mutex_};
  is_recording_ = true;
}

std::vector<RecordedCall> MemoryStore::recorded() const {
  const std::lock_guard lock{mutex_};
  return recorded_;
}

}  // namespace reprieve
