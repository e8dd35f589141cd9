#include "storage/s3/version_view.hpp"

#include <utility>

#include "storage/key.hpp"

namespace reprieve {
namespace {

Error only_read(const ObjectKey& key) {
  return {ErrorKind::kDenied, key + ": earlier versions can only be read"};
}

}  // namespace

S3VersionView::S3VersionView(std::unique_ptr<S3Store> store, Versions versions)
    : store_{std::move(store)}, versions_{std::move(versions)} {}

Result<std::unique_ptr<S3VersionView>> S3VersionView::open(std::unique_ptr<S3Store> store,
                                                           Pick pick) {
  Versions versions;
  REPRIEVE_RETURN_IF_ERROR(store->list_versions("", [&](S3Store::Version version) -> Result<> {
    if (version.is_delete_marker) return kOk;
    ObjectKey key = version.key;
    const auto at = versions.find(key);
    if (at == versions.end())
      versions.emplace(std::move(key), std::move(version));
    else if (pick == Pick::kOldest)  // They come newest first.
      at->second = std::move(version);
    return kOk;
  }));
  return std::make_unique<S3VersionView>(std::move(store), std::move(versions));
}

Result<const S3Store::Version*> S3VersionView::find(const ObjectKey& key) const {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  const auto found = versions_.find(key);
  if (found == versions_.end()) return no_such_object(key);
  return &found->second;
}

Result<Bytes> S3VersionView::get(const ObjectKey& key, ByteRange range) {
  REPRIEVE_TRY(const S3Store::Version* version, find(key));
  return store_->get_version(*version, range);
}

Result<Bytes> S3VersionView::get(const ObjectKey& key, ByteCount size_max) {
  REPRIEVE_TRY(const S3Store::Version* version, find(key));
  return store_->get_version(*version, size_max);
}

Result<ObjectInfo> S3VersionView::stat(const ObjectKey& key) {
  REPRIEVE_TRY(const S3Store::Version* version, find(key));
  return ObjectInfo{key, version->size};
}

Result<> S3VersionView::list(std::string_view prefix, const Visit& visit) {
  REPRIEVE_RETURN_IF_ERROR(check_list_prefix(prefix));
  for (auto at = versions_.lower_bound(prefix);
       at != versions_.end() && at->first.starts_with(prefix); ++at)
    REPRIEVE_RETURN_IF_ERROR(visit({at->first, at->second.size}));
  return kOk;
}

Result<> S3VersionView::put(const ObjectKey& key, ByteView) {
  return only_read(key);
}

Result<> S3VersionView::replace_damaged(const ObjectKey& key, ByteView) {
  return only_read(key);
}

Result<> S3VersionView::remove(const ObjectKey& key) {
  return only_read(key);
}

std::string S3VersionView::describe() const {
  return "earlier versions in " + store_->describe();
}

}  // namespace reprieve
