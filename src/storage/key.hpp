#pragma once

#include <string_view>

#include "storage/object_store.hpp"

/// What every back end checks and says in the same way.
namespace reprieve {

/// Whether `segment` may stand between two slashes of a key.
bool is_valid_segment(std::string_view segment);
/// kInvalid unless is_valid_key().
Result<> check_key(std::string_view key);
/// kInvalid unless `prefix` is empty or a valid key followed by '/'.
Result<> check_list_prefix(std::string_view prefix);
/// kInvalid if `range` passes the end of an object of `size` bytes.
Result<> check_range(const ObjectKey& key, ByteRange range, ByteCount size);

Error no_such_object(const ObjectKey& key);
Error other_bytes_stored(const ObjectKey& key);
Error object_too_large(const ObjectKey& key, ByteCount size, ByteCount size_max);

}  // namespace reprieve
