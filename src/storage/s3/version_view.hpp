#pragma once

#include <map>
#include <memory>
#include <string>

#include "storage/s3/s3_store.hpp"

namespace reprieve {

/// What a bucket that keeps versions held once, as a store to read from: of every name one version,
/// delete markers notwithstanding. The names are those at open(). Writing is kDenied.
///
/// Memory: about 200 bytes for each name. Thread-safe.
class S3VersionView : public ObjectStore {
 public:
  /// Objects are created once, so that what a thief put over one is younger; what repair put over a
  /// damaged one is younger, too.
  enum class Pick : std::uint8_t { kOldest, kNewest };

  /// Errors: kDenied; kNotFound if there is no such bucket; kTransient.
  static Result<std::unique_ptr<S3VersionView>> open(std::unique_ptr<S3Store> store, Pick pick);
  using Versions = std::map<ObjectKey, S3Store::Version, std::less<>>;
  S3VersionView(std::unique_ptr<S3Store> store, Versions versions);

  Result<> put(const ObjectKey& key, ByteView body) override;
  Result<> sync() override { return kOk; }
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override;
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override;
  Result<ObjectInfo> stat(const ObjectKey& key) override;
  Result<> list(std::string_view prefix, const Visit& visit) override;
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override;
  Result<> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string describe() const override;

 private:
  [[nodiscard]] Result<const S3Store::Version*> find(const ObjectKey& key) const;

  const std::unique_ptr<S3Store> store_;
  const Versions versions_;
};

}  // namespace reprieve
