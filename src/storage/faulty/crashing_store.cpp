#include "storage/faulty/crashing_store.hpp"

#include <mutex>

namespace reprieve {
namespace {

Error crashed() {
  return Error{ErrorKind::kTransient, "crashed"};
}

}  // namespace

CrashingStore::CrashingStore(MemoryStore& disk, int writes, CrashOptions options)
    : disk_{disk}, options_{options}, writes_left_{writes} {}

Result<> CrashingStore::check_alive() const {
  const std::shared_lock lock{mutex_};
  if (has_crashed_) return crashed();
  return kOk;
}

bool CrashingStore::has_crashed() const {
  const std::shared_lock lock{mutex_};
  return has_crashed_;
}

template <class Call>
Result<> CrashingStore::write(const Call& call) {
  // Writes run one after the other, so that "after N writes" means the same in every run.
  const std::unique_lock lock{mutex_};
  if (has_crashed_) return crashed();
  if (writes_left_ == 0) {
    if (options_.last_call == CrashingCall::kDone)
      ignore_error(call(), "whether it had an effect is what nobody can tell after a crash");
    crash();
    return crashed();
  }
  --writes_left_;
  return call();
}

/// Called with mutex_ held alone.
void CrashingStore::crash() {
  has_crashed_ = true;
  switch (options_.unsynced) {
    case UnsyncedAtCrash::kKept:
      return;
    case UnsyncedAtCrash::kLost:
      return disk_.lose_unsynced();
    case UnsyncedAtCrash::kByChance: {
      SeededRandom random{options_.seed};
      return disk_.lose_unsynced([&](const ObjectKey&) { return (random.next() & 1) != 0; });
    }
  }
}

Result<> CrashingStore::put(const ObjectKey& key, ByteView body) {
  return write([&] { return disk_.put(key, body); });
}

Result<> CrashingStore::sync() {
  return write([&] { return disk_.sync(); });
}

Result<> CrashingStore::replace_damaged(const ObjectKey& key, ByteView body) {
  return write([&] { return disk_.replace_damaged(key, body); });
}

Result<> CrashingStore::remove(const ObjectKey& key) {
  return write([&] { return disk_.remove(key); });
}

Result<Bytes> CrashingStore::get(const ObjectKey& key, ByteRange range) {
  REPRIEVE_RETURN_IF_ERROR(check_alive());
  return disk_.get(key, range);
}

Result<Bytes> CrashingStore::get(const ObjectKey& key, ByteCount size_max) {
  REPRIEVE_RETURN_IF_ERROR(check_alive());
  return disk_.get(key, size_max);
}

Result<ObjectInfo> CrashingStore::stat(const ObjectKey& key) {
  REPRIEVE_RETURN_IF_ERROR(check_alive());
  return disk_.stat(key);
}

Result<> CrashingStore::list(std::string_view prefix, const Visit& visit) {
  REPRIEVE_RETURN_IF_ERROR(check_alive());
  return disk_.list(prefix, visit);
}

}  // namespace reprieve
