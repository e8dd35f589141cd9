#include "storage/faulty/faulty_store.hpp"

#include <cstdint>
#include <limits>

#include "storage/key.hpp"

namespace reprieve {

ReadDamage flip_byte(std::size_t at) {
  return [at](Bytes& bytes) {
    if (at < bytes.size()) bytes[at] ^= std::byte{0x01};
  };
}

ReadDamage truncate_to(std::size_t size) {
  return [size](Bytes& bytes) {
    if (size < bytes.size()) bytes.resize(size);
  };
}

void FaultyStore::fail(StoreCall call, int nth, ErrorKind kind) {
  const std::lock_guard lock{mutex_};
  faults_[call] = Fault{nth, kind, false};
}

void FaultyStore::fail_always(StoreCall call, ErrorKind kind) {
  const std::lock_guard lock{mutex_};
  faults_[call] = Fault{0, kind, true};
}

void FaultyStore::damage_on_read(const ObjectKey& key, ReadDamage damage) {
  const std::lock_guard lock{mutex_};
  damages_[key] = std::move(damage);
}

Result<> FaultyStore::take_fault(StoreCall call) {
  const std::lock_guard lock{mutex_};
  const auto found = faults_.find(call);
  if (found == faults_.end()) return kOk;
  Fault& fault = found->second;
  const ErrorKind kind = fault.kind;
  if (!fault.is_permanent) {
    if (--fault.calls_until > 0) return kOk;
    faults_.erase(found);
  }
  return Error{kind, "injected fault"};
}

ReadDamage FaultyStore::damage_of(const ObjectKey& key) {
  const std::lock_guard lock{mutex_};
  const auto found = damages_.find(key);
  return found == damages_.end() ? ReadDamage{} : found->second;
}

Result<Bytes> FaultyStore::damaged(const ObjectKey& key, const ReadDamage& damage) {
  REPRIEVE_TRY(Bytes bytes, inner_.get(key, ByteCount{std::numeric_limits<std::uint64_t>::max()}));
  damage(bytes);
  return bytes;
}

Result<> FaultyStore::put(const ObjectKey& key, ByteView body) {
  REPRIEVE_RETURN_IF_ERROR(take_fault(StoreCall::kPut));
  return inner_.put(key, body);
}

Result<> FaultyStore::sync() {
  REPRIEVE_RETURN_IF_ERROR(take_fault(StoreCall::kSync));
  return inner_.sync();
}

Result<Bytes> FaultyStore::get(const ObjectKey& key, ByteRange range) {
  REPRIEVE_RETURN_IF_ERROR(take_fault(StoreCall::kGet));
  const ReadDamage damage = damage_of(key);
  if (!damage) return inner_.get(key, range);
  REPRIEVE_TRY(const Bytes bytes, damaged(key, damage));
  REPRIEVE_RETURN_IF_ERROR(check_range(key, range, ByteCount{bytes.size()}));
  return copy_of(ByteView{bytes}.subspan(range.offset.value, range.length.value));
}

Result<Bytes> FaultyStore::get(const ObjectKey& key, ByteCount size_max) {
  REPRIEVE_RETURN_IF_ERROR(take_fault(StoreCall::kGet));
  const ReadDamage damage = damage_of(key);
  if (!damage) return inner_.get(key, size_max);
  REPRIEVE_TRY(Bytes bytes, damaged(key, damage));
  if (bytes.size() > size_max.value)
    return object_too_large(key, ByteCount{bytes.size()}, size_max);
  return bytes;
}

Result<ObjectInfo> FaultyStore::stat(const ObjectKey& key) {
  REPRIEVE_RETURN_IF_ERROR(take_fault(StoreCall::kStat));
  const ReadDamage damage = damage_of(key);
  if (!damage) return inner_.stat(key);
  REPRIEVE_TRY(const Bytes bytes, damaged(key, damage));
  return ObjectInfo{key, ByteCount{bytes.size()}};
}

Result<> FaultyStore::list(std::string_view prefix, const Visit& visit) {
  REPRIEVE_RETURN_IF_ERROR(take_fault(StoreCall::kList));
  return inner_.list(prefix, visit);
}

Result<> FaultyStore::replace_damaged(const ObjectKey& key, ByteView body) {
  REPRIEVE_RETURN_IF_ERROR(take_fault(StoreCall::kReplace));
  return inner_.replace_damaged(key, body);
}

Result<> FaultyStore::remove(const ObjectKey& key) {
  REPRIEVE_RETURN_IF_ERROR(take_fault(StoreCall::kRemove));
  return inner_.remove(key);
}

}  // namespace reprieve
