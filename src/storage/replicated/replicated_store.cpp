#include "storage/replicated/replicated_store.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.hpp"

namespace reprieve {
namespace {

/// Whether an error is about the store, not about one object in it.
bool is_of_store(ErrorKind kind) {
  return kind == ErrorKind::kTransient || kind == ErrorKind::kDenied;
}

}  // namespace

ReplicatedStore::ReplicatedStore(std::vector<std::unique_ptr<ObjectStore>> stores,
                                 OnFailure on_failure)
    : on_failure_{std::move(on_failure)} {
  REPRIEVE_ASSERT(!stores.empty());
  members_.reserve(stores.size());
  for (std::unique_ptr<ObjectStore>& store : stores) {
    members_.push_back(std::make_unique<Member>());
    members_.back()->store = std::move(store);
  }
}

/// Those that failed come last.
std::vector<ReplicatedStore::Member*> ReplicatedStore::in_order() const {
  std::vector<Member*> order;
  order.reserve(members_.size());
  for (const auto& member : members_)
    order.push_back(member.get());
  std::ranges::stable_partition(order, [](const Member* member) { return !member->has_failed; });
  return order;
}

void ReplicatedStore::give_up(Member& member, const Error& error) const {
  if (!member.has_failed.exchange(true) && on_failure_) on_failure_(*member.store, error);
}

template <class Call>
auto ReplicatedStore::first_answer(const Call& call)
    -> decltype(call(std::declval<ObjectStore&>())) {
  std::optional<Error> first;
  for (Member* member : in_order()) {
    auto answer = call(*member->store);
    if (answer || answer.error().kind == ErrorKind::kCancelled) return answer;
    if (is_of_store(answer.error().kind)) give_up(*member, answer.error());
    // That one store does not have it says less than that another one cannot read it.
    if (!first || first->kind == ErrorKind::kNotFound) first = std::move(answer).error();
  }
  return *std::move(first);
}

Result<Bytes> ReplicatedStore::get(const ObjectKey& key, ByteRange range) {
  return first_answer([&](ObjectStore& store) { return store.get(key, range); });
}

Result<Bytes> ReplicatedStore::get(const ObjectKey& key, ByteCount size_max) {
  return first_answer([&](ObjectStore& store) { return store.get(key, size_max); });
}

Result<ObjectInfo> ReplicatedStore::stat(const ObjectKey& key) {
  return first_answer([&](ObjectStore& store) { return store.stat(key); });
}

Result<> ReplicatedStore::list(std::string_view prefix, const Visit& visit) {
  std::vector<ObjectInfo> found;
  std::optional<Error> failure;
  bool has_answer = false;
  for (Member* member : in_order()) {
    if (has_answer && member->has_failed) continue;
    const std::size_t before = found.size();
    auto listed = member->store->list(prefix, [&](const ObjectInfo& object) -> Result<> {
      found.push_back(object);
      return kOk;
    });
    if (listed) {
      has_answer = true;
      continue;
    }
    const ErrorKind kind = listed.error().kind;
    if (kind == ErrorKind::kInvalid || kind == ErrorKind::kCancelled) return listed;
    give_up(*member, listed.error());
    found.resize(before);
    if (!failure) failure = std::move(listed).error();
  }
  if (!has_answer) return *std::move(failure);
  // Of two with one name the earlier store's counts, as it does for get().
  std::ranges::stable_sort(found, {}, &ObjectInfo::key);
  const auto repeated = std::ranges::unique(found, {}, &ObjectInfo::key);
  found.erase(repeated.begin(), repeated.end());
  for (const ObjectInfo& object : found)
    REPRIEVE_RETURN_IF_ERROR(visit(object));
  return kOk;
}

Result<> ReplicatedStore::put(const ObjectKey& key, ByteView body) {
  return members_.front()->store->put(key, body);
}

Result<> ReplicatedStore::sync() {
  return members_.front()->store->sync();
}

Result<> ReplicatedStore::replace_damaged(const ObjectKey& key, ByteView body) {
  return members_.front()->store->replace_damaged(key, body);
}

Result<> ReplicatedStore::remove(const ObjectKey& key) {
  return members_.front()->store->remove(key);
}

std::string ReplicatedStore::describe() const {
  std::string text = members_.front()->store->describe();
  for (std::size_t i = 1; i < members_.size(); ++i)
    text.append(" and ").append(members_[i]->store->describe());
  return text;
}

std::vector<ObjectStore*> ReplicatedStore::stores() const {
  std::vector<ObjectStore*> stores;
  stores.reserve(members_.size());
  for (const auto& member : members_)
    stores.push_back(member->store.get());
  return stores;
}

std::vector<ObjectStore*> stores_behind(ObjectStore& store) {
  if (const auto* replicated = dynamic_cast<const ReplicatedStore*>(&store))
    return replicated->stores();
  return {&store};
}

}  // namespace reprieve
