#include "storage/faulty/chaotic_store.hpp"

#include <utility>

namespace reprieve {
namespace {

using Failure = CallFate::Failure;

Error lost() {
  return Error{ErrorKind::kTransient, "the connection broke"};
}

/// Where a local store keeps it: packs lie in a folder for each first byte of their ids.
std::string folder_of(std::string_view key) {
  constexpr std::string_view kPacks = "pack/";
  if (key.starts_with(kPacks)) return std::string{key.substr(0, kPacks.size() + 2)};
  return std::string{key.substr(0, key.rfind('/') + 1)};
}

}  // namespace

template <class Call>
auto ChaoticStore::meet(StoreCall sort, std::string_view key, const Call& call)
    -> decltype(call()) {
  REPRIEVE_TRY(const CallFate fate, choose_(sort, key));
  if (fate.failure == Failure::kUndone) return lost();
  auto result = call();
  if (fate.failure == Failure::kDone) return lost();
  return result;
}

void ChaoticStore::note(const ObjectKey& key, bool is_listed_late) {
  if (is_listed_late) host_.delay_listing(key);
  const std::lock_guard lock{mutex_};
  folders_.insert(folder_of(key));
  if (is_listed_late) listed_late_.insert(key);
}

Result<> ChaoticStore::change(const LateRequest& request) {
  REPRIEVE_TRY(const CallFate fate, choose_(request.call, request.key));
  if (fate.comes_again) host_.keep_under_way(request);
  if (fate.failure == Failure::kUndone) return lost();
  note(request.key, fate.is_listed_late);
  auto done = request.call == StoreCall::kPut ? host_.disk().put(request.key, request.body)
                                              : host_.disk().remove(request.key);
  if (fate.failure == Failure::kDone) return lost();
  return done;
}

Result<> ChaoticStore::put(const ObjectKey& key, ByteView body) {
  return change({.client = client_, .call = StoreCall::kPut, .key = key, .body = copy_of(body)});
}

Result<> ChaoticStore::remove(const ObjectKey& key) {
  return change({.client = client_, .call = StoreCall::kRemove, .key = key});
}

Result<> ChaoticStore::sync() {
  return meet(StoreCall::kSync, "", [&]() -> Result<> {
    std::set<std::string> folders;
    std::set<ObjectKey> keys;
    {
      const std::lock_guard lock{mutex_};
      folders.swap(folders_);
      keys.swap(listed_late_);
    }
    host_.disk().sync_only([&](const ObjectKey& key) { return folders.contains(folder_of(key)); });
    for (const ObjectKey& key : keys)
      host_.reveal(key);
    return kOk;
  });
}

Result<Bytes> ChaoticStore::get(const ObjectKey& key, ByteRange range) {
  return meet(StoreCall::kGet, key, [&] { return host_.disk().get(key, range); });
}

Result<Bytes> ChaoticStore::get(const ObjectKey& key, ByteCount size_max) {
  return meet(StoreCall::kGet, key, [&] { return host_.disk().get(key, size_max); });
}

Result<ObjectInfo> ChaoticStore::stat(const ObjectKey& key) {
  return meet(StoreCall::kStat, key, [&] { return host_.disk().stat(key); });
}

Result<> ChaoticStore::list(std::string_view prefix, const Visit& visit) {
  return meet(StoreCall::kList, prefix, [&] { return host_.list(prefix, visit); });
}

Result<> ChaoticStore::replace_damaged(const ObjectKey& key, ByteView body) {
  return meet(StoreCall::kReplace, key, [&] { return host_.disk().replace_damaged(key, body); });
}

}  // namespace reprieve
