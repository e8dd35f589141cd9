#include "repository/internal/unlock.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "repository/internal/object_names.hpp"
#include "repository/internal/record.hpp"
#include "repository/recipient.hpp"

namespace reprieve::repository {
namespace {

/// Each try costs a derivation or a read, and the store decides how many there are.
constexpr std::size_t kSlotsMax = 1000;
constexpr std::size_t kSlotsTried = 64;
constexpr std::size_t kConfigsTried = 64;

Error no_repository(const ObjectStore& store) {
  return Error{ErrorKind::kNotFound, "there is no repository at " + store.describe(),
               "Check --repo, or run `reprieve init` to make a repository there."};
}

/// The config with number `n`, which `root` must have signed.
Result<Config> read_config(ObjectStore& store, std::uint64_t n, const crypto::PublicKey& root) {
  Config config;
  const auto accept = [&](ByteView record) -> Result<> {
    // The signature first: then "made by a newer version" is the truth and no flipped bit.
    if (!is_signed_by(record, root))
      return Error{ErrorKind::kCorrupt, "not signed by the repository's root key"};
    REPRIEVE_TRY(config, parse_config(record));
    if (config.root != root || config.generation != n)
      return Error{ErrorKind::kCorrupt, "stands under another one's name"};
    return kOk;
  };
  REPRIEVE_TRY([[maybe_unused]] const StoredRecord stored,
               read_twin_object(store, config_key(n), kConfigBytesMax, accept));
  return config;
}

/// The newest config that these credentials vouch for.
Result<Config> find_config(ObjectStore& store, const std::vector<std::uint64_t>& numbers,
                           const Credentials& credentials) {
  std::optional<Error> failure;
  std::size_t tried = 0;
  for (auto n = numbers.rbegin(); n != numbers.rend() && tried < kConfigsTried; ++n, ++tried) {
    auto config = read_config(store, *n, credentials.root_public);
    if (config && config->repository == credentials.repository) return config;
    if (config) continue;
    if (config.error().kind != ErrorKind::kCorrupt) return std::move(config).error();
    if (!failure) failure = std::move(config).error();
  }
  if (failure)
    return std::move(*failure).with_hint("Restore the object from a copy of the repository.");
  return Error{ErrorKind::kCorrupt, "no config is of the repository that the key is for"};
}

/// Which repository the newest config claims to be of; whoever reads on proves it.
std::optional<RepositoryId> claimed_repository(ObjectStore& store, std::uint64_t n) {
  std::optional<RepositoryId> id;
  const auto accept = [&](ByteView record) -> Result<> {
    REPRIEVE_TRY(const Config config, parse_config(record));
    id = config.repository;
    return kOk;
  };
  ignore_error(read_twin_object(store, config_key(n), kConfigBytesMax, accept),
               "it only decides which slot is tried first");
  return id;
}

/// The secret of `key` that may open `slot`; null if none.
const Secret* secret_for(const Slot& slot, const UnlockKey& key) {
  if (slot.kind == SlotKind::kPassphrase) return key.passphrase.empty() ? nullptr : &key.passphrase;
  if (key.key_file_secret.empty()) return nullptr;
  const bool is_meant = slot.kind == SlotKind::kKeyFile
                            ? key_hint(key.key_file_secret) == slot.hint
                            : recipient_key(key.key_file_secret).public_key() == slot.recipient;
  return is_meant ? &key.key_file_secret : nullptr;
}

/// Slots worth trying: those of the claimed repository first, key files (which cost nothing) before
/// passphrases.
std::vector<const StoredSlot*> candidates(const SlotList& list, const UnlockKey& key,
                                          const std::optional<RepositoryId>& claimed) {
  std::vector<const StoredSlot*> found;
  for (const StoredSlot& stored : list.slots) {
    if (secret_for(stored.slot, key) != nullptr) found.push_back(&stored);
  }
  std::ranges::stable_sort(found, {}, [&](const StoredSlot* stored) {
    return std::pair{claimed && stored->slot.repository != *claimed,
                     stored->slot.kind == SlotKind::kPassphrase};
  });
  if (found.size() > kSlotsTried) found.resize(kSlotsTried);
  return found;
}

Error no_slot_opens(const SlotList& list) {
  if (list.slots.empty()) {
    return Error{ErrorKind::kCorrupt, "the repository has no slot that can be read",
                 "Restore `slots/` from a copy of the repository."};
  }
  std::string what = "no slot opens with this key";
  if (!list.damaged.empty())
    what += " (" + std::to_string(list.damaged.size()) + " of the slots are damaged)";
  return Error{ErrorKind::kDenied, std::move(what),
               "Check the password or key file; `--password-file` and `--key-file` name them."};
}

Result<StoredSlot> read_slot(ObjectStore& store, const ObjectKey& key) {
  REPRIEVE_TRY(StoredRecord stored,
               read_twin_object(store, key, kSlotBytesMax, accept_by_name(key)));
  StoredSlot out{.key = key, .record = std::move(stored.record), .slot = {}};
  REPRIEVE_TRY(out.slot, parse_slot(out.record));
  return out;
}

Result<> put_slot(ObjectStore& store, ByteView record) {
  return store.put(id_key(kSlotPrefix, crypto::sha256(record)), encode_twin(record));
}

}  // namespace

Result<std::vector<std::uint64_t>> list_configs(ObjectStore& store) {
  std::vector<std::uint64_t> numbers;
  REPRIEVE_RETURN_IF_ERROR(store.list(kConfigPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (const auto n = number_in_key(kConfigPrefix, object.key)) numbers.push_back(*n);
    return kOk;
  }));
  return numbers;
}

Result<SlotList> read_slots(ObjectStore& store) {
  std::vector<ObjectKey> names;
  REPRIEVE_RETURN_IF_ERROR(store.list(kSlotPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (id_in_key(kSlotPrefix, object.key) && names.size() < kSlotsMax) names.push_back(object.key);
    return kOk;
  }));
  SlotList list;
  for (const ObjectKey& name : names) {
    auto slot = read_slot(store, name);
    if (slot) {
      list.slots.push_back(*std::move(slot));
    } else if (slot.error().kind == ErrorKind::kCorrupt) {
      list.damaged.push_back(name);
    } else if (slot.error().kind != ErrorKind::kInvalid) {  // A newer version's slot is no damage.
      return std::move(slot).error();
    }
  }
  return list;
}

Result<Unlocked> unlock(ObjectStore& store, const UnlockKey& key, std::string_view slot_prefix) {
  if (key.passphrase.empty() && key.key_file_secret.empty()) {
    return Error{ErrorKind::kDenied, "no key was given",
                 "Give `--password-file`, `--key-file` or REPRIEVE_PASSWORD_FILE."};
  }
  REPRIEVE_TRY(const auto numbers, list_configs(store));
  if (numbers.empty()) return no_repository(store);
  REPRIEVE_TRY(SlotList list, read_slots(store));
  const ObjectKey wanted = std::string{kSlotPrefix} + std::string{slot_prefix};
  std::erase_if(list.slots,
                [&](const StoredSlot& stored) { return !stored.key.starts_with(wanted); });
  if (list.slots.empty() && !slot_prefix.empty())
    return Error{ErrorKind::kNotFound, "no slot begins with " + std::string{slot_prefix},
                 "`reprieve repo keys` lists them."};
  std::optional<Error> failure;
  for (const StoredSlot* stored :
       candidates(list, key, claimed_repository(store, numbers.back()))) {
    auto credentials = open_slot(stored->slot, *secret_for(stored->slot, key));
    if (!credentials) {
      const ErrorKind kind = credentials.error().kind;
      if (kind != ErrorKind::kDenied && kind != ErrorKind::kCorrupt)
        return std::move(credentials).error();
      continue;
    }
    auto config = find_config(store, numbers, *credentials);
    if (config)
      return Unlocked{.credentials = *std::move(credentials),
                      .config = *std::move(config),
                      .slot = stored->key};
    if (config.error().kind != ErrorKind::kCorrupt) return std::move(config).error();
    if (!failure) failure = std::move(config).error();
  }
  if (failure) return *std::move(failure);
  return no_slot_opens(list);
}

Result<> put_slots(ObjectStore& store, const UnlockKey& key, const Credentials& credentials,
                   const SlotOptions& options, RandomSource& random) {
  if (key.passphrase.empty() && key.key_file_secret.empty() && !key.recipient)
    return Error{ErrorKind::kInvalid, "neither a password nor a key file was given",
                 "Give `--password-file` or `--key-file`."};
  if (!key.passphrase.empty()) {
    REPRIEVE_TRY(const Bytes record,
                 encode_passphrase_slot(credentials, key.passphrase, options, random));
    REPRIEVE_RETURN_IF_ERROR(put_slot(store, record));
  }
  if (!key.key_file_secret.empty()) {
    REPRIEVE_TRY(const Bytes record,
                 encode_key_file_slot(credentials, key.key_file_secret, options, random));
    REPRIEVE_RETURN_IF_ERROR(put_slot(store, record));
  }
  if (key.recipient) {
    REPRIEVE_TRY(const Bytes record,
                 encode_recipient_slot(credentials, *key.recipient, options, random));
    REPRIEVE_RETURN_IF_ERROR(put_slot(store, record));
  }
  return kOk;
}

}  // namespace reprieve::repository
