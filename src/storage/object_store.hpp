#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

namespace reprieve {

/// The name of an object: '/'-separated segments of [0-9a-z.-], no empty, "." or ".." segment, at
/// most 256 characters. Checked by every store: an invalid key is kInvalid.
using ObjectKey = std::string;
bool is_valid_key(std::string_view key);

struct ObjectInfo {
  ObjectKey key;
  ByteCount size;
  friend bool operator==(const ObjectInfo&, const ObjectInfo&) = default;
};

/// A flat namespace of immutable objects: the whole of what the repository asks of a back end.
///
/// Thread safety: every method may be called from several threads at once.
/// Durability: when sync() returns, every object whose put() returned before survives a crash of
///   this host and of the store. A put() whose sync() has not returned may be lost, but never torn:
///   after a crash an object is absent or whole.
/// Consistency: put() then get() or list() from any host sees the object (read-after-write).
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// Creates `key` with `body`, whole or not at all; never replaces. Storing the same bytes again
  /// succeeds, so a retry is safe. Errors: kConflict if `key` holds other bytes; kExhausted;
  /// kDenied; kTransient.
  virtual Result<> put(const ObjectKey& key, ByteView body) = 0;

  /// Makes all earlier put() calls durable. Cheap if there were none since the last.
  virtual Result<> sync() = 0;

  /// Returns exactly `range.length` bytes, never fewer.
  /// Errors: kNotFound; kInvalid if the range passes the object's end; kDenied; kTransient.
  virtual Result<Bytes> get(const ObjectKey& key, ByteRange range) = 0;

  /// The whole object, refusing one above `size_max` bytes with kExhausted: memory is bounded
  /// before hostile bytes are read. Errors: as the other get().
  virtual Result<Bytes> get(const ObjectKey& key, ByteCount size_max) = 0;

  /// Errors: kNotFound; kDenied; kTransient.
  virtual Result<ObjectInfo> stat(const ObjectKey& key) = 0;

  /// Calls `visit` once for each object whose key starts with `prefix` (empty, or ending in '/'),
  /// in key order; stops at its first error. Temporary or foreign names are passed over.
  using Visit = std::function<Result<>(const ObjectInfo&)>;
  virtual Result<> list(std::string_view prefix, const Visit& visit) = 0;

  /// Puts `body` in the place of a damaged object, whole or not at all, and makes it durable. Only
  /// repair calls this, with bytes that it has proved to be what the key's name promises.
  virtual Result<> replace_damaged(const ObjectKey& key, ByteView body) = 0;

  /// Removes `key`; an absent key is success. Errors: kDenied if under retention lock; kTransient.
  virtual Result<> remove(const ObjectKey& key) = 0;

  /// For messages: a URL or path without credentials.
  [[nodiscard]] virtual std::string describe() const = 0;
};

}  // namespace reprieve
