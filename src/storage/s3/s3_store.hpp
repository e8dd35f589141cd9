#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "storage/object_store.hpp"
#include "storage/s3/client.hpp"

namespace reprieve {

/// What a bucket says about itself; nothing where it does not say.
struct BucketFacts {
  std::optional<bool> is_versioned;
  std::optional<bool> has_object_lock;
  std::optional<Duration> clock_skew;  ///< How far the store's clock is ahead of ours.
};

/// Until when a version of an object cannot be removed.
struct ObjectLock {
  s3::LockMode mode = s3::LockMode::kCompliance;
  Instant until;
};

/// Objects in a bucket of S3 or of a store that speaks its protocol, each under PREFIX/KEY.
///
/// put() is a PUT with `If-None-Match: *`, so that of many writers exactly one wins. Not every
/// store honours that, and one that does not would overwrite silently: so the first put() of each
/// S3Store proves it on the object PREFIX/_probe/conditional-create, at the cost of a request. A
/// store that fails is refused with kInvalid, unless the location says that there is one writer at
/// a time; then put() looks first and writes after.
///
/// A PUT that was answered is durable and visible to all, so sync() has nothing to do. Failures of
/// the network are kTransient and are not tried again here: RetryingStore does that. Objects may
/// have up to 5 GiB, S3's bound for one PUT.
///
/// With a lock in the location every object that `is_locked` names is locked when it is put, and
/// remove() removes all its versions: kDenied, with the date, as long as one is locked. Without
/// one, remove() only hides an object of a bucket that keeps versions.
class S3Store : public ObjectStore {
 public:
  /// Which objects a lock in the location is for.
  using IsLocked = std::function<bool(std::string_view key)>;
  explicit S3Store(
      s3::ClientOptions options, IsLocked is_locked = [](std::string_view) { return true; });

  Result<> put(const ObjectKey& key, ByteView body) override;
  Result<> sync() override { return kOk; }
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override;
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override;
  Result<ObjectInfo> stat(const ObjectKey& key) override;
  Result<> list(std::string_view prefix, const Visit& visit) override;
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override;
  Result<> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string describe() const override { return client_.location().describe(); }

  /// Whether PUT with `If-None-Match: *` is refused for an object that is there. Asks the store
  /// once. Errors: those of put().
  Result<bool> creates_conditionally();
  /// Whether a repository can be kept here: kInvalid if the store cannot keep two writers apart and
  /// the location does not say that there is one. Errors: those of put().
  Result<> check_writers_are_apart();
  /// Errors: kDenied; kNotFound if there is no such bucket; kTransient.
  Result<BucketFacts> facts();

  /// The lock of the current version; nothing if there is none, or the account may not see it.
  /// Errors: kNotFound; kDenied; kTransient.
  Result<std::optional<ObjectLock>> lock_of(const ObjectKey& key);
  /// Locks the current version anew. Errors: kDenied, also if that would shorten it; kInvalid if
  /// the bucket has no object lock; kNotFound; kTransient.
  Result<> set_lock(const ObjectKey& key, const ObjectLock& lock);

  /// Every version below `prefix`, delete markers included: by name, the newest first. Foreign
  /// names are passed over.
  struct Version {
    ObjectKey key;
    std::string id;
    ByteCount size;
    bool is_delete_marker = false;
  };
  Result<> list_versions(std::string_view prefix, const std::function<Result<>(Version)>& visit);
  /// As the get() of the same shape, of one version.
  Result<Bytes> get_version(const Version& version, ByteRange range);
  Result<Bytes> get_version(const Version& version, ByteCount size_max);

 private:
  [[nodiscard]] std::string name_of(std::string_view key) const;
  [[nodiscard]] s3::Call write_call(std::string_view key, ByteView body) const;
  Result<Bytes> read_range(s3::Call call, const ObjectKey& key, ByteRange range);
  Result<Bytes> read_whole(s3::Call call, const ObjectKey& key, ByteCount size_max);
  Result<> remove_versions(const ObjectKey& key);
  Result<> remove_version(const Version& version);
  Result<std::optional<ObjectLock>> lock_of_call(const s3::Call& call, const ObjectKey& key);
  Result<> keep_if_same(const ObjectKey& key, ByteView body);
  Result<> list_page(const s3::Call& call, const Visit& visit, ObjectKey& last, std::string& next);

  Clock& clock_;
  s3::Client client_;
  const IsLocked is_locked_;
  std::mutex mutex_;
  std::optional<bool> creates_conditionally_;  // Guarded by mutex_.
};

}  // namespace reprieve
