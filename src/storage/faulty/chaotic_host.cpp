#include "storage/faulty/chaotic_host.hpp"

#include <utility>

#include "base/assert.hpp"

namespace reprieve {

void ChaoticHost::keep_under_way(LateRequest request) {
  const std::lock_guard lock{mutex_};
  under_way_.push_back(std::move(request));
}

std::size_t ChaoticHost::under_way() const {
  const std::lock_guard lock{mutex_};
  return under_way_.size();
}

LateRequest ChaoticHost::at(std::size_t number) const {
  const std::lock_guard lock{mutex_};
  return under_way_.at(number);
}

void ChaoticHost::drop(std::size_t number) {
  const std::lock_guard lock{mutex_};
  REPRIEVE_ASSERT(number < under_way_.size());
  under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(number));
}

LateRequest ChaoticHost::deliver(std::size_t number) {
  LateRequest request = at(number);
  drop(number);
  const auto done = request.call == StoreCall::kPut ? disk_.put(request.key, request.body)
                                                    : disk_.remove(request.key);
  ignore_error(done, "its sender does not wait for it any more");
  return request;
}

Result<> ChaoticHost::list(std::string_view prefix, const ObjectStore::Visit& visit) const {
  std::map<ObjectKey, ByteCount> objects;
  REPRIEVE_RETURN_IF_ERROR(disk_.list(prefix, [&](const ObjectInfo& object) -> Result<> {
    objects.emplace(object.key, object.size);
    return kOk;
  }));
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [key, size] : told_) {
      if (!key.starts_with(prefix)) continue;
      objects.erase(key);
      if (size) objects.emplace(key, *size);
    }
  }
  for (const auto& [key, size] : objects)
    REPRIEVE_RETURN_IF_ERROR(visit({key, size}));
  return kOk;
}

void ChaoticHost::delay_listing(const ObjectKey& key) {
  const auto now = disk_.stat(key);
  const std::lock_guard lock{mutex_};
  // try_emplace: a second change does not make the listing any newer.
  told_.try_emplace(key, now ? std::optional{now->size} : std::nullopt);
}

void ChaoticHost::reveal(const ObjectKey& key) {
  const std::lock_guard lock{mutex_};
  told_.erase(key);
}

std::vector<ObjectKey> ChaoticHost::delayed() const {
  const std::lock_guard lock{mutex_};
  std::vector<ObjectKey> keys;
  keys.reserve(told_.size());
  for (const auto& [key, size] : told_)
    keys.push_back(key);
  return keys;
}

void ChaoticHost::cut_power(const std::function<bool(const ObjectKey&)>& survives) {
  {
    const std::lock_guard lock{mutex_};
    under_way_.clear();
    told_.clear();
  }
  disk_.lose_unsynced(survives);
}

}  // namespace reprieve
