#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "repository/credentials.hpp"
#include "repository/heads.hpp"
#include "repository/snapshot.hpp"
#include "storage/object_store.hpp"

namespace reprieve::repository {

class Index;       // internal/index.hpp
class IndexStore;  // internal/index_store.hpp
class KeyRing;     // internal/key_ring.hpp

/// The bounds of the chunker, from the config.
struct ChunkerParameters {
  std::uint32_t min_bytes = 256 * 1024;
  std::uint32_t average_bytes = 1024 * 1024;
  std::uint32_t max_bytes = 4 * 1024 * 1024;
  std::uint32_t page_bytes = 32 * 1024;
  friend bool operator==(const ChunkerParameters&, const ChunkerParameters&) = default;
};

/// One way in: a slot, without its secret.
struct SlotSummary {
  std::string id;    ///< Hexadecimal.
  std::string kind;  ///< "passphrase", "key-file", "recipient".
  std::string label;
  Instant created;
};

struct OpenOptions {
  /// Where decrypted indexes are cached; one folder per repository below it is made. Empty: in
  /// memory only.
  std::filesystem::path cache_dir = {};
  /// Opens only with a slot whose id begins so.
  std::string slot = {};
  /// That fetch indexes, which a store far away makes worth it; 1: the caller's alone.
  unsigned threads = 4;
  /// Without the index of chunks, which takes memory and time: enough for streams, for nothing
  /// else.
  bool is_without_index = false;
};

/// An open repository: keys, config, and the index of all chunks. Immutable after open() but for
/// refresh(); thread-safe otherwise. Must outlive the sessions and readers made of it; `store`,
/// `random` and `clock` must outlive it.
class Repository {
 public:
  /// Makes a new repository in an empty store, with one slot for each key given, and admin
  /// credentials behind each. The config comes last: without it there is no repository, so an
  /// interrupted call is healed by the next one. The slots that it left behind do no harm: they
  /// name another repository id. Durable on return. Errors: kConflict if there is one already, or
  /// remains of one (hint names `--repo`); kInvalid if no key is given; the store's.
  static Result<> create(ObjectStore& store, const UnlockKey& keys, RandomSource& random,
                         Clock& clock, const crypto::KdfCost& cost = {});

  /// Errors: kNotFound if the store holds no repository, or no such slot; kDenied if the key opens
  /// no slot; kInvalid if the format or a required feature is newer than this program; kCorrupt.
  static Result<std::unique_ptr<Repository>> open(ObjectStore& store, const UnlockKey& key,
                                                  RandomSource& random, Clock& clock,
                                                  const OpenOptions& options);
  ~Repository();

  [[nodiscard]] const RepositoryId& id() const;
  [[nodiscard]] Role role() const;
  [[nodiscard]] const std::string& slot_id() const;  ///< Of the slot that opened it, hexadecimal.
  [[nodiscard]] const ChunkerParameters& chunker_parameters() const;
  [[nodiscard]] ObjectStore& store() const;
  [[nodiscard]] RandomSource& random() const;
  [[nodiscard]] Clock& clock() const;
  [[nodiscard]] const KeyRing& keys() const;
  [[nodiscard]] Index& index() const;
  [[nodiscard]] IndexStore& index_store() const;

  /// All committed snapshots, oldest first by (time, writer, seq); the signature of each was
  /// checked. A snapshot that does not verify is listed in `damaged` by its object's name and left
  /// out, as is a tomb; tombed ones are left out, and so are those of an epoch whose keys the key
  /// at hand was not given, whose names are in `sealed_off`.
  struct SnapshotList {
    std::vector<Snapshot> snapshots;
    std::vector<std::string> damaged;
    std::vector<std::string> sealed_off;
    SnapshotChains chains;  ///< Every place in every writer's series, tombed ones included.
  };
  [[nodiscard]] Result<SnapshotList> snapshots() const;

  [[nodiscard]] Result<std::vector<SlotSummary>> slots() const;
  /// Adds a way in with the same credentials, one slot for each key given. Durable on return.
  /// Errors: kInvalid if none is given; the store's.
  Result<> add_slot(const UnlockKey& key, std::string_view label, const crypto::KdfCost& cost = {});

  /// Reads indexes that other writers made since, and forgets those that are gone.
  Result<> refresh();

 private:
  struct State;

 public:
  /// For open(): nobody else can make a State.
  explicit Repository(std::unique_ptr<State> state);

 private:
  std::unique_ptr<State> state_;
};

/// Whether a store holds a repository at all, without a key: a config. Errors: the store's.
Result<bool> is_repository(ObjectStore& store);

}  // namespace reprieve::repository
