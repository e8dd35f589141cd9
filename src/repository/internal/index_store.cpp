#include "repository/internal/index_store.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "repository/internal/parallel.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

/// Larger indexes are fetched one by one, since each is in memory twice while it is opened.
constexpr std::uint64_t kLargeBytes = 16 * 1024 * 1024;

bool is_mostly_gone(const MergeSource& source) {
  if (source.is_gone.empty()) return false;
  const std::uint32_t packs = source.unit->view.pack_count();
  std::uint32_t left = 0;
  for (std::uint32_t i = 0; i < packs; ++i)
    left += source.has(i) ? 1U : 0U;
  return left < packs / 2;
}

}  // namespace

struct IndexStore::Listing {
  static Result<Listing> of(ObjectStore& store);

  /// What is left of a unit when members whose objects vanished are left out.
  [[nodiscard]] MergeSource source(const IndexUnit& unit) const {
    MergeSource source{.unit = &unit, .is_gone = {}};
    std::vector<bool> is_gone;
    is_gone.reserve(unit.members.size());
    for (const crypto::Digest& member : unit.members)
      is_gone.push_back(!sizes.contains(member));
    if (std::ranges::find(is_gone, true) != is_gone.end()) source.is_gone = std::move(is_gone);
    return source;
  }

  std::map<crypto::Digest, std::uint64_t> sizes;  ///< In bytes, of all index objects.
};

Result<IndexStore::Listing> IndexStore::Listing::of(ObjectStore& store) {
  Listing listing;
  REPRIEVE_RETURN_IF_ERROR(store.list(kIndexPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (const auto id = id_in_key(kIndexPrefix, object.key))
      listing.sizes.emplace(*id, object.size.value);
    return kOk;
  }));
  return listing;
}

IndexStore::IndexStore(ObjectStore& store, const KeyRing& keys, RandomSource& random,
                       const std::filesystem::path& cache_folder, Index& index, unsigned threads)
    : store_{store},
      keys_{keys},
      random_{random},
      cache_{cache_folder},
      index_{index},
      threads_{threads} {}

Result<> IndexStore::load() {
  REPRIEVE_TRY(const Listing listing, Listing::of(store_));
  {
    const std::lock_guard lock{mutex_};
    damaged_.clear();
  }
  std::vector<IndexUnit> units = open_merged(listing);
  REPRIEVE_RETURN_IF_ERROR(open_others(listing, units));
  merge_small(listing, units);
  const CancelToken never;
  REPRIEVE_RETURN_IF_ERROR(
      for_each_parallel(units.size(), threads_, never, [&](std::size_t i) -> Result<> {
        add(units[i]);
        return kOk;
      }));
  std::set<crypto::Digest> ids;
  for (const auto& [id, size] : listing.sizes)
    ids.insert(id);
  for (const std::string& name : index_.objects()) {
    const auto id = id_in_key(kIndexPrefix, name);
    if (id && !ids.contains(*id)) index_.retire(name);
  }
  cache_.keep_only(ids);
  return kOk;
}

void IndexStore::add(const IndexUnit& unit) {
  index_.add(unit);
  // All of it was looked through; what is needed of it comes back page by page.
  if (unit.mapping) unit.mapping->expect_scattered_reads();
}

/// Merged indexes that stand for nothing that the Index has. No two of them have a member in
/// common: where processes merged side by side, the larger one stays.
std::vector<IndexUnit> IndexStore::open_merged(const Listing& listing) const {
  std::vector<IndexCache::Merged> found = cache_.merged();
  std::ranges::stable_sort(found, std::ranges::greater{},
                           [](const auto& merged) { return merged.members.size(); });
  std::set<crypto::Digest> taken;
  std::vector<std::string> names;
  for (const IndexCache::Merged& merged : found) {
    const auto is_any = [&](const auto& predicate) {
      return std::ranges::any_of(merged.members, predicate);
    };
    if (is_any([&](const auto& id) { return index_.has_object(id_key(kIndexPrefix, id)); }))
      continue;
    const bool is_useful = is_any([&](const auto& id) { return listing.sizes.contains(id); }) &&
                           !is_any([&](const auto& id) { return taken.contains(id); });
    if (!is_useful) {
      cache_.remove(merged.name);
      continue;
    }
    taken.insert(merged.members.begin(), merged.members.end());
    names.push_back(merged.name);
  }
  std::vector<std::optional<IndexUnit>> opened(names.size());
  const CancelToken never;
  ignore_error(for_each_parallel(names.size(), threads_, never,
                                 [&](std::size_t i) -> Result<> {
                                   opened[i] = cache_.find_merged(names[i]);
                                   return kOk;
                                 }),
               "none of it can fail");
  std::vector<IndexUnit> units;
  for (std::optional<IndexUnit>& unit : opened)
    if (unit) units.push_back(*std::move(unit));
  return units;
}

/// Adds to `units` what the store has beyond them and the Index.
Result<> IndexStore::open_others(const Listing& listing, std::vector<IndexUnit>& units) {
  std::set<crypto::Digest> known;
  for (const IndexUnit& unit : units) {
    known.insert(unit.members.begin(), unit.members.end());
    for (const crypto::Digest& member : unit.members)
      cache_.remove(member);  // What another process fetched beside it.
  }
  std::vector<crypto::Digest> small;
  std::vector<crypto::Digest> large;
  for (const auto& [id, size] : listing.sizes) {
    if (!known.contains(id) && !index_.has_object(id_key(kIndexPrefix, id)))
      (size > kLargeBytes ? large : small).push_back(id);
  }
  std::mutex mutex;
  const auto open = [&](const crypto::Digest& id) -> Result<> {
    REPRIEVE_TRY(auto unit, open_one(id));
    const std::lock_guard lock{mutex};
    if (unit) units.push_back(*std::move(unit));
    return kOk;
  };
  const CancelToken never;
  REPRIEVE_RETURN_IF_ERROR(for_each_parallel(small.size(), threads_, never,
                                             [&](std::size_t i) { return open(small[i]); }));
  for (const crypto::Digest& id : large)
    REPRIEVE_RETURN_IF_ERROR(open(id));
  return kOk;
}

/// Nothing if it is not for this key, damaged or gone by now.
Result<std::optional<IndexUnit>> IndexStore::open_one(const crypto::Digest& id) {
  using Opened = std::optional<IndexUnit>;
  const auto unit_of = [&](const IndexCache::Entry& entry) -> Opened {
    const auto view = IndexView::parse(entry.plain);
    if (!view) return std::nullopt;
    return IndexUnit{.members = {id},
                     .owners = {},
                     .view = *view,
                     .backing = entry.backing,
                     .mapping = entry.mapping};
  };
  if (const auto cached = cache_.find(id)) {
    if (auto unit = unit_of(*cached)) return unit;
  }
  const ObjectKey key = id_key(kIndexPrefix, id);
  const auto open = [&]() -> Result<Bytes> {
    REPRIEVE_TRY(const Bytes record, store_.get(key, ByteCount{kIndexBytesMax}));
    REPRIEVE_RETURN_IF_ERROR(accept_by_name(key)(record));
    return open_index_record(record, keys_);
  };
  auto plain = open();
  if (plain) return unit_of(cache_.keep(id, *std::move(plain)));
  switch (plain.error().kind) {
    case ErrorKind::kNotFound:  // Garbage collection was quicker.
    case ErrorKind::kDenied:    // Of an epoch that is not for this key.
      return Opened{};
    case ErrorKind::kCorrupt:
    case ErrorKind::kExhausted:  // Larger than an index can be.
    case ErrorKind::kInvalid: {
      const std::lock_guard lock{mutex_};
      damaged_.push_back(key);
      return Opened{};
    }
    default:
      return std::move(plain).error().at(key);
  }
}

/// False if nothing came of it: then the units are as they were.
bool IndexStore::merge_group(const Listing& listing, std::span<const std::size_t> group,
                             std::vector<IndexUnit>& units) const {
  std::vector<MergeSource> sources;
  sources.reserve(group.size());
  for (const std::size_t i : group)
    sources.push_back(listing.source(units[i]));
  const std::vector<std::size_t> chosen = sources_without_common_packs(sources);
  std::vector<MergeSource> merging;
  merging.reserve(chosen.size());
  for (const std::size_t i : chosen)
    merging.push_back(sources[i]);
  if (merging.size() < 2 && !is_mostly_gone(merging.front())) return false;
  auto merged = cache_.merge(merging);
  if (!merged) return false;
  for (const std::size_t i : chosen)
    units[group[i]].members.clear();
  units.push_back(*std::move(merged));
  return true;
}

void IndexStore::merge_small(const Listing& listing, std::vector<IndexUnit>& units) const {
  std::vector<UnitSize> sizes;
  sizes.reserve(units.size());
  for (const IndexUnit& unit : units) {
    sizes.push_back({.bytes = unit.view.bytes(),
                     .keys = unit.view.key_count(),
                     .is_worn = is_mostly_gone(listing.source(unit))});
  }
  for (const std::vector<std::size_t>& group : plan_merges(sizes))
    if (!merge_group(listing, group, units)) break;
  std::erase_if(units, [](const IndexUnit& unit) { return unit.members.empty(); });
}

Result<ObjectKey> IndexStore::put_signed(const SessionId& session, Bytes plain,
                                         const crypto::SigningKey& signer) {
  REPRIEVE_TRY(const Bytes record, encode_index_record(session, plain, keys_, signer, random_));
  const crypto::Digest id = crypto::sha256(record);
  const ObjectKey key = id_key(kIndexPrefix, id);
  REPRIEVE_RETURN_IF_ERROR(store_.put(key, record));
  const IndexCache::Entry entry = cache_.keep(id, std::move(plain));
  REPRIEVE_TRY(const IndexView view, IndexView::parse(entry.plain));
  add({.members = {id},
       .owners = {},
       .view = view,
       .backing = entry.backing,
       .mapping = entry.mapping});
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
