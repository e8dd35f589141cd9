#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "repository/internal/config.hpp"
#include "repository/internal/slot.hpp"
#include "storage/object_store.hpp"

/// From a store and a key to credentials and the config that they vouch for.
namespace reprieve::repository {

/// A slot that was read; `slot` points into `record`.
struct StoredSlot {
  ObjectKey key;
  Bytes record;
  Slot slot;
};
struct SlotList {
  std::vector<StoredSlot> slots;
  std::vector<std::string> damaged;  ///< Objects that do not verify.
};
/// All slots that this version knows; one that is damaged hides no other. Errors: the store's.
Result<SlotList> read_slots(ObjectStore& store);

struct Unlocked {
  Credentials credentials;
  Config config;
  ObjectKey slot;  ///< Which one opened.
};
/// Opens slots until one's credentials vouch for a config in the store: leftovers of an interrupted
/// create() open too, but nothing there is theirs. Errors: as Repository::open().
/// `slot_prefix`: only slots whose id begins so.
Result<Unlocked> unlock(ObjectStore& store, const UnlockKey& key, std::string_view slot_prefix);

/// Numbers of all configs, ascending. Errors: the store's.
Result<std::vector<std::uint64_t>> list_configs(ObjectStore& store);

/// Puts a new slot for each key in `key` that is not empty, not yet durable. Errors: kInvalid if
/// there is none; the store's.
Result<> put_slots(ObjectStore& store, const UnlockKey& key, const Credentials& credentials,
                   const SlotOptions& options, RandomSource& random);

}  // namespace reprieve::repository
