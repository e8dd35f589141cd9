#include "repository/internal/index_store.hpp"

#include <algorithm>
#include <set>

#include "repository/internal/parallel.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

/// Larger indexes are fetched one by one, since each is in memory twice while it is opened.
constexpr std::uint64_t kLargeBytes = 16 * 1024 * 1024;

struct Listing {
  std::vector<ObjectInfo> objects;
  std::set<crypto::Digest> ids;
};

Result<Listing> list_indexes(ObjectStore& store) {
  Listing listing;
  REPRIEVE_RETURN_IF_ERROR(store.list(kIndexPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (const auto id = id_in_key(kIndexPrefix, object.key)) {
      listing.objects.push_back(object);
      listing.ids.insert(*id);
    }
    return kOk;
  }));
  return listing;
}

}  // namespace

IndexStore::IndexStore(ObjectStore& store, const KeyRing& keys, RandomSource& random,
                       const std::filesystem::path& cache_folder, Index& index, unsigned threads)
    : store_{store},
      keys_{keys},
      random_{random},
      cache_{cache_folder},
      index_{index},
      threads_{threads} {}

Result<> IndexStore::load() {
  REPRIEVE_TRY(const Listing listing, list_indexes(store_));
  std::vector<ObjectInfo> small;
  std::vector<ObjectInfo> large;
  for (const ObjectInfo& object : listing.objects) {
    if (!index_.has_object(object.key))
      (object.size.value > kLargeBytes ? large : small).push_back(object);
  }
  {
    const std::lock_guard lock{mutex_};
    damaged_.clear();
  }
  const CancelToken never;
  REPRIEVE_RETURN_IF_ERROR(for_each_parallel(
      small.size(), threads_, never, [&](std::size_t i) { return load_one(small[i].key); }));
  for (const ObjectInfo& object : large)
    REPRIEVE_RETURN_IF_ERROR(load_one(object.key));
  for (const std::string& name : index_.objects()) {
    const auto id = id_in_key(kIndexPrefix, name);
    if (id && !listing.ids.contains(*id)) index_.retire(name);
  }
  cache_.keep_only(listing.ids);
  return kOk;
}

Result<> IndexStore::add(const ObjectKey& key, const IndexCache::Entry& entry) {
  REPRIEVE_RETURN_IF_ERROR(index_.add(key, entry.backing, entry.plain));
  entry.expect_scattered_reads();
  return kOk;
}

Result<> IndexStore::load_one(const ObjectKey& key) {
  const auto id = id_in_key(kIndexPrefix, key);
  REPRIEVE_ASSERT(id.has_value());
  if (const auto cached = cache_.find(*id)) {
    if (add(key, *cached)) return kOk;
  }
  const auto open = [&]() -> Result<Bytes> {
    REPRIEVE_TRY(const Bytes record, store_.get(key, ByteCount{kIndexBytesMax}));
    REPRIEVE_RETURN_IF_ERROR(accept_by_name(key)(record));
    return open_index_record(record, keys_);
  };
  auto plain = open();
  if (plain) {
    return add(key, cache_.keep(*id, *std::move(plain)));
  }
  switch (plain.error().kind) {
    case ErrorKind::kNotFound:  // Garbage collection was quicker.
    case ErrorKind::kDenied:    // Of an epoch that is not for this key.
      return kOk;
    case ErrorKind::kCorrupt:
    case ErrorKind::kExhausted:  // Larger than an index can be.
    case ErrorKind::kInvalid: {
      const std::lock_guard lock{mutex_};
      damaged_.push_back(key);
      return kOk;
    }
    default:
      return std::move(plain).error().at(key);
  }
}

Result<ObjectKey> IndexStore::put_signed(const SessionId& session, Bytes plain,
                                         const crypto::SigningKey& signer) {
  REPRIEVE_TRY(const Bytes record, encode_index_record(session, plain, keys_, signer, random_));
  const crypto::Digest id = crypto::sha256(record);
  const ObjectKey key = id_key(kIndexPrefix, id);
  REPRIEVE_RETURN_IF_ERROR(store_.put(key, record));
  REPRIEVE_RETURN_IF_ERROR(add(key, cache_.keep(id, std::move(plain))));
  return key;
}

Result<ObjectKey> IndexStore::put(const SessionId& session, Bytes plain) {
  return put_signed(session, std::move(plain), keys_.signing_key());
}

Result<ObjectKey> IndexStore::put_rebuilt(Bytes plain) {
  const crypto::SigningKey* root = keys_.root_key();
  return put_signed(kNoSession, std::move(plain), root != nullptr ? *root : keys_.signing_key());
}

Result<> IndexStore::add_unstored(std::string name, Bytes plain, Index::Trust trust) {
  const auto owned = std::make_shared<const Bytes>(std::move(plain));
  return index_.add(std::move(name), owned, *owned, trust);
}

std::vector<std::string> IndexStore::damaged() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::string> names = damaged_;
  std::ranges::sort(names);
  return names;
}

}  // namespace reprieve::repository
