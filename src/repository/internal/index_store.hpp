#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/index_cache.hpp"
#include "repository/internal/index_record.hpp"
#include "storage/object_store.hpp"

namespace reprieve::repository {

/// Brings indexes from the store into an Index and new ones into the store. Thread-safe. All that
/// it is made of must outlive it.
class IndexStore {
 public:
  /// `cache_folder` is this repository's own; empty: in memory. `threads`: that load() uses.
  IndexStore(ObjectStore& store, const KeyRing& keys, RandomSource& random,
             const std::filesystem::path& cache_folder, Index& index, unsigned threads);

  /// Adds the indexes that the store has and the Index has not, and retires those that are gone.
  /// Where there is a cache, many small ones are merged in it first.
  /// One that does not verify is remembered in damaged() and stops nothing. Errors: the store's.
  Result<> load();

  /// Seals, signs as this writer and stores the plain bytes of an index of `session`, and adds it
  /// to the Index. Durable after the store's next sync(). Returns the object's name. Errors: the
  /// store's; kInvalid if it is too large.
  Result<ObjectKey> put(const SessionId& session, Bytes plain);
  /// The same for an index that was made again from trailers of anybody's packs: signed by root if
  /// the key at hand holds root's, else by this writer, who may speak for its own packs only.
  Result<ObjectKey> put_rebuilt(Bytes plain);
  /// Adds an index that lives in memory only, under a name that no object has.
  Result<> add_unstored(std::string name, Bytes plain, Index::Trust trust);

  /// Objects that did not verify at the last load().
  [[nodiscard]] std::vector<std::string> damaged() const;

 private:
  struct Listing;
  std::vector<IndexUnit> open_merged(const Listing& listing) const;
  Result<> open_others(const Listing& listing, std::vector<IndexUnit>& units);
  Result<std::optional<IndexUnit>> open_one(const crypto::Digest& id);
  [[nodiscard]] bool merge_group(const Listing& listing, std::span<const std::size_t> group,
                                 std::vector<IndexUnit>& units) const;
  void merge_small(const Listing& listing, std::vector<IndexUnit>& units) const;
  void add(const IndexUnit& unit);
  Result<ObjectKey> put_signed(const SessionId& session, Bytes plain,
                               const crypto::SigningKey& signer);

  ObjectStore& store_;
  const KeyRing& keys_;
  RandomSource& random_;
  IndexCache cache_;
  Index& index_;
  const unsigned threads_;
  mutable std::mutex mutex_;
  std::vector<std::string> damaged_;  // Guarded by mutex_.
};

}  // namespace reprieve::repository
