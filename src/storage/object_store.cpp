#include "storage/object_store.hpp"

#include "storage/key.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kKeyCharsMax = 256;

bool is_key_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
}

}  // namespace

bool is_valid_segment(std::string_view segment) {
  if (segment.empty() || segment == "." || segment == "..") return false;
  for (const char c : segment) {
    if (!is_key_character(c)) return false;
  }
  return true;
}

bool is_valid_key(std::string_view key) {
  if (key.size() > kKeyCharsMax) return false;
  while (true) {
    const std::size_t slash = key.find('/');
    if (!is_valid_segment(key.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    key.remove_prefix(slash + 1);
  }
}

Result<> check_key(std::string_view key) {
  if (is_valid_key(key)) return kOk;
  return Error{ErrorKind::kInvalid, "'" + std::string{key} + "' is no valid object key"};
}

Result<> check_list_prefix(std::string_view prefix) {
  if (prefix.empty()) return kOk;
  if (prefix.back() == '/' && is_valid_key(prefix.substr(0, prefix.size() - 1))) return kOk;
  return Error{ErrorKind::kInvalid, "'" + std::string{prefix} + "' is no prefix of object keys"};
}

Result<> check_range(const ObjectKey& key, ByteRange range, ByteCount size) {
  // Written so that it cannot overflow: ranges come from indexes, which may be damaged.
  if (range.offset.value <= size.value && range.length.value <= size.value - range.offset.value)
    return kOk;
  return Error{ErrorKind::kInvalid, key + ": the range passes the object's end at " +
                                        std::to_string(size.value) + " bytes"};
}

Error no_such_object(const ObjectKey& key) {
  return Error{ErrorKind::kNotFound, key + ": no such object"};
}

Error other_bytes_stored(const ObjectKey& key) {
  return Error{ErrorKind::kConflict, key + ": holds other bytes already"};
}

Error object_too_large(const ObjectKey& key, ByteCount size, ByteCount size_max) {
  return Error{ErrorKind::kExhausted, key + ": has " + std::to_string(size.value) +
                                          " bytes, more than the limit of " +
                                          std::to_string(size_max.value)};
}

}  // namespace reprieve
