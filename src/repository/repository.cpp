#include "repository/repository.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/index_store.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/reindex.hpp"
#include "repository/internal/snapshot_store.hpp"
#include "repository/internal/unlock.hpp"

namespace reprieve::repository {

struct Repository::State {
  State(ObjectStore& store_in, RandomSource& random_in, Clock& clock_in, KeyRing keys_in,
        std::string slot_in, const std::filesystem::path& cache_folder, unsigned threads)
      : store{store_in},
        random{random_in},
        clock{clock_in},
        keys{std::move(keys_in)},
        slot{std::move(slot_in)},
        index_store{store, keys, random, cache_folder, index, threads} {}

  ObjectStore& store;
  RandomSource& random;
  Clock& clock;
  KeyRing keys;
  std::string slot;
  Index index;
  IndexStore index_store;
};

namespace {

constexpr std::uint32_t kFirstEpoch = 1;

/// A new repository's secrets and the config that goes with them.
struct Founding {
  Credentials credentials;
  Config config;
  crypto::SigningKey root;
};

Founding found_repository(RandomSource& random, Instant now) {
  crypto::SigningKey root = crypto::SigningKey::generate(random);
  const auto writer = crypto::SigningKey::generate(random);
  const auto reading = crypto::ExchangeKey::generate(random);

  Credentials credentials;
  credentials.role = Role::kAdmin;
  credentials.repository = crypto::random_array<16>(random);
  credentials.root_public = root.public_key();
  credentials.chunk_id_key = crypto::random_secret(random);
  credentials.chunker_key = crypto::random_secret(random);
  credentials.metadata_keys.push_back(
      {.epoch = kFirstEpoch, .secret = crypto::random_secret(random)});
  credentials.reading_keys.push_back({.epoch = kFirstEpoch, .secret = reading.secret().clone()});
  credentials.signing_seed = writer.seed().clone();
  credentials.root_seed = root.seed().clone();

  Config config;
  config.repository = credentials.repository;
  config.created = now;
  config.root = root.public_key();
  config.epochs.push_back({.epoch = kFirstEpoch, .reading_public = reading.public_key()});
  config.members.push_back(
      {.role = Role::kAdmin, .key = writer.public_key(), .is_revoked = false, .name = "admin"});
  return {
      .credentials = std::move(credentials), .config = std::move(config), .root = std::move(root)};
}

std::string_view name_of(SlotKind kind) {
  switch (kind) {
    case SlotKind::kPassphrase:
      return "passphrase";
    case SlotKind::kKeyFile:
      return "key-file";
    case SlotKind::kRecipient:
      break;
  }
  return "recipient";
}

Result<bool> has_objects(ObjectStore& store, std::string_view prefix) {
  // An error is the only way to end a listing early; this one never leaves the function.
  constexpr std::string_view kFound = "found";
  auto listed = store.list(prefix, [&](const ObjectInfo&) -> Result<> {
    return Error{ErrorKind::kConflict, std::string{kFound}};
  });
  if (listed) return false;
  if (listed.error().what == kFound) return true;
  return std::move(listed).error();
}

Result<> check_is_vacant(ObjectStore& store) {
  REPRIEVE_TRY(const bool is_taken, is_repository(store));
  if (is_taken) {
    return Error{ErrorKind::kConflict, "there is a repository already at " + store.describe(),
                 "Use it as it is, or name another place with --repo."};
  }
  for (const std::string_view prefix : {kPackPrefix, kSnapshotPrefix, kIndexPrefix}) {
    REPRIEVE_TRY(const bool has_remains, has_objects(store, prefix));
    if (!has_remains) continue;
    return Error{ErrorKind::kConflict,
                 store.describe() + " holds the remains of a repository without a config",
                 "Bring its `config/` back from a copy, or name another place with --repo."};
  }
  return kOk;
}

/// Ids of snapshots that were deleted.
std::set<SnapshotId> tombed_snapshots(const TombList& list) {
  std::set<SnapshotId> ids;
  for (const Tomb& tomb : list.tombs) {
    if (tomb.what == Tomb::What::kSnapshot) ids.insert(tomb.snapshot);
  }
  return ids;
}

/// The places of deleted snapshots whose records are gone.
void add_missing_tombs(const TombList& list, SnapshotChains& chains) {
  for (const Tomb& tomb : list.tombs) {
    if (tomb.what != Tomb::What::kSnapshot) continue;
    SnapshotLink& link = chains[tomb.writer][tomb.seq];
    if (link.id) continue;
    link.id = tomb.snapshot;
    link.previous = tomb.previous;
  }
}

}  // namespace

Result<> Repository::create(ObjectStore& store, const UnlockKey& keys, RandomSource& random,
                            Clock& clock, const crypto::KdfCost& cost) {
  REPRIEVE_RETURN_IF_ERROR(check_is_vacant(store));
  const Founding founding = found_repository(random, clock.now());
  const SlotOptions options{.label = "first key", .created = clock.now(), .cost = cost};
  REPRIEVE_RETURN_IF_ERROR(put_slots(store, keys, founding.credentials, options, random));
  // A config that is there means a repository that can be opened: the slots must be durable first.
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  const Bytes record = encode_config(founding.config, founding.root);
  auto put = store.put(config_key(founding.config.generation), encode_twin(record));
  if (!put && put.error().kind == ErrorKind::kConflict) {
    return Error{ErrorKind::kConflict, "somebody made a repository there at the same time",
                 "Use it as it is, or name another place with --repo."};
  }
  REPRIEVE_RETURN_IF_ERROR(put);
  return store.sync();
}

Result<std::unique_ptr<Repository>> Repository::open(ObjectStore& store, const UnlockKey& key,
                                                     RandomSource& random, Clock& clock,
                                                     const OpenOptions& options) {
  REPRIEVE_TRY(Unlocked unlocked, unlock(store, key, options.slot));
  std::filesystem::path cache_folder;
  if (!options.cache_dir.empty())
    cache_folder = options.cache_dir / to_hex(unlocked.credentials.repository);
  REPRIEVE_TRY(KeyRing keys, KeyRing::make(std::move(unlocked.credentials), unlocked.config));
  auto repository = std::make_unique<Repository>(std::make_unique<State>(
      store, random, clock, std::move(keys), unlocked.slot.substr(kSlotPrefix.size()), cache_folder,
      options.threads));
  if (!options.is_without_index) REPRIEVE_RETURN_IF_ERROR(repository->refresh());
  return repository;
}

Repository::Repository(std::unique_ptr<State> state) : state_{std::move(state)} {}
Repository::~Repository() = default;

const RepositoryId& Repository::id() const {
  return state_->keys.repository_id();
}

Role Repository::role() const {
  return state_->keys.credentials().role;
}

const std::string& Repository::slot_id() const {
  return state_->slot;
}

const ChunkerParameters& Repository::chunker_parameters() const {
  return state_->keys.config().chunker;
}

ObjectStore& Repository::store() const {
  return state_->store;
}

RandomSource& Repository::random() const {
  return state_->random;
}

Clock& Repository::clock() const {
  return state_->clock;
}

const KeyRing& Repository::keys() const {
  return state_->keys;
}

Index& Repository::index() const {
  return state_->index;
}

IndexStore& Repository::index_store() const {
  return state_->index_store;
}

Result<Repository::SnapshotList> Repository::snapshots() const {
  REPRIEVE_TRY(const auto names, list_snapshots(state_->store));
  REPRIEVE_TRY(TombList tombs, read_tombs(state_->store, state_->keys));
  SnapshotList list;
  bool is_outdated = false;
  const std::set<SnapshotId> tombed = tombed_snapshots(tombs);
  add_missing_tombs(tombs, list.chains);
  list.damaged = std::move(tombs.damaged);
  for (const SnapshotName& name : names) {
    auto stored = read_snapshot(state_->store, state_->keys, name);
    if (stored) {
      SnapshotLink& link = list.chains[name.writer][name.seq];
      link = {.id = stored->snapshot.id,
              .previous = stored->snapshot.previous,
              .seen = std::move(stored->seen),
              .is_stored = true,
              .problem = {}};
      if (!tombed.contains(stored->snapshot.id))
        list.snapshots.push_back(std::move(stored->snapshot));
      continue;
    }
    const ErrorKind kind = stored.error().kind;
    const bool is_sealed_off = kind == ErrorKind::kDenied && !state_->keys.check_is_current();
    if (kind == ErrorKind::kCorrupt || is_sealed_off) {
      (is_sealed_off ? list.sealed_off : list.damaged)
          .push_back(snapshot_key(name.writer, name.seq));
      SnapshotLink& link = list.chains[name.writer][name.seq];
      link.is_stored = true;
      link.problem = stored.error().what;
    } else if (kind == ErrorKind::kNotFound) {
      is_outdated = true;  // Deleted meanwhile: its tomb may be younger than our look at them.
    } else {
      return std::move(stored).error();
    }
  }
  if (is_outdated) {
    REPRIEVE_TRY(const TombList now, read_tombs(state_->store, state_->keys));
    add_missing_tombs(now, list.chains);
  }
  std::ranges::sort(list.snapshots, {}, [](const Snapshot& s) {
    return std::tuple{s.time, s.writer, s.seq};
  });
  return list;
}

Result<std::vector<SlotSummary>> Repository::slots() const {
  REPRIEVE_TRY(const SlotList list, read_slots(state_->store));
  std::vector<SlotSummary> summaries;
  for (const StoredSlot& stored : list.slots) {
    if (stored.slot.repository != id()) continue;
    summaries.push_back({.id = stored.key.substr(kSlotPrefix.size()),
                         .kind = std::string{name_of(stored.slot.kind)},
                         .label = stored.slot.label,
                         .created = stored.slot.created});
  }
  return summaries;
}

Result<> Repository::add_slot(const UnlockKey& key, std::string_view label,
                              const crypto::KdfCost& cost) {
  const SlotOptions options{
      .label = std::string{label}, .created = state_->clock.now(), .cost = cost};
  REPRIEVE_RETURN_IF_ERROR(
      put_slots(state_->store, key, state_->keys.credentials(), options, state_->random));
  return state_->store.sync();
}

Result<> Repository::refresh() {
  REPRIEVE_RETURN_IF_ERROR(state_->index_store.load());
  bool needs_trailers = !state_->index_store.damaged().empty();
  if (!needs_trailers && state_->index.objects().empty()) {
    REPRIEVE_TRY(needs_trailers, has_objects(state_->store, kPackPrefix));
  }
  // Without an index the trailers tell the same, only more slowly.
  if (needs_trailers) REPRIEVE_RETURN_IF_ERROR(index_from_trailers(*this));
  return kOk;
}

Result<bool> is_repository(ObjectStore& store) {
  REPRIEVE_TRY(const auto numbers, list_configs(store));
  return !numbers.empty();
}

}  // namespace reprieve::repository
