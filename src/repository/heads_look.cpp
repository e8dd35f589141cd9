#include <algorithm>

#include "repository/heads.hpp"
#include "repository/internal/gc_record.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/unlock.hpp"
#include "repository/repository.hpp"

namespace reprieve::repository {
namespace {

/// SHA-256 of a numbered record; zeros if it does not verify, nothing if it is not there.
Result<std::optional<RecordHash>> hash_of(ObjectStore& store, const ObjectKey& key,
                                          std::size_t record_max, const AcceptRecord& accept) {
  const auto stored = read_twin_object(store, key, record_max, accept);
  if (stored) return std::optional<RecordHash>{crypto::sha256(stored->record)};
  switch (stored.error().kind) {
    case ErrorKind::kNotFound:
      return std::optional<RecordHash>{};
    case ErrorKind::kCorrupt:
    case ErrorKind::kInvalid:  // A newer version's.
      return std::optional{RecordHash{}};
    default:
      return stored.error();
  }
}

Result<std::optional<RecordHash>> hash_of_config(const Repository& repository, std::uint64_t n) {
  const crypto::PublicKey& root = repository.keys().credentials().root_public;
  return hash_of(repository.store(), config_key(n), kConfigBytesMax, [&](ByteView record) {
    if (is_signed_by(record, root)) return Result<>{kOk};
    return Result<>{Error{ErrorKind::kCorrupt, "not signed by the repository's root key"}};
  });
}

Result<std::optional<RecordHash>> hash_of_plan(const Repository& repository, std::uint64_t n) {
  return hash_of(repository.store(), gc_key(n), kGcBytesMax, [&](ByteView record) -> Result<> {
    REPRIEVE_TRY(const GcPlan plan, parse_gc_plan(record));
    const auto signer = repository.keys().signer(plan.pruner);
    if (signer && signer->may_prune && is_signed_by(record, signer->key)) return kOk;
    return Error{ErrorKind::kCorrupt, "not signed by a pruner of this repository"};
  });
}

Result<std::uint64_t> newest_plan(ObjectStore& store) {
  std::uint64_t newest = 0;
  REPRIEVE_RETURN_IF_ERROR(store.list(kGcPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (const auto n = number_in_key(kGcPrefix, object.key)) newest = std::max(newest, *n);
    return kOk;
  }));
  return newest;
}

std::map<WriterId, NumberedRecord> newest_of(const SnapshotChains& chains) {
  std::map<WriterId, NumberedRecord> heads;
  for (const auto& [writer, chain] : chains) {
    for (const auto& [seq, link] : chain)
      if (link.is_stored) heads[writer] = {seq, link.id ? link.id->bytes : RecordHash{}};
  }
  return heads;
}

}  // namespace

Result<HeadLook> look_at_heads(const Repository& repository, const Heads& known,
                               SnapshotChains chains) {
  HeadLook look;
  look.chains = std::move(chains);
  look.newest.writers = newest_of(look.chains);
  // The config in force, which is not the newest in the store if that one does not verify.
  look.newest.config.n = repository.keys().config().generation;
  REPRIEVE_TRY(const auto config, hash_of_config(repository, look.newest.config.n));
  look.newest.config.id = config.value_or(RecordHash{});
  look.known_config = config;
  if (known.config.n != 0 && known.config.n != look.newest.config.n) {
    REPRIEVE_TRY(look.known_config, hash_of_config(repository, known.config.n));
  }
  REPRIEVE_TRY(look.newest.gc.n, newest_plan(repository.store()));
  if (look.newest.gc.n != 0) {
    REPRIEVE_TRY(look.known_gc, hash_of_plan(repository, look.newest.gc.n));
    look.newest.gc.id = look.known_gc.value_or(RecordHash{});
    if (known.gc.n != 0 && known.gc.n != look.newest.gc.n) {
      REPRIEVE_TRY(look.known_gc, hash_of_plan(repository, known.gc.n));
    }
  }
  return look;
}

Result<std::vector<NumberedRecord>> read_config_hashes(const Repository& repository) {
  REPRIEVE_TRY(const auto numbers, list_configs(repository.store()));
  std::vector<NumberedRecord> configs;
  for (const std::uint64_t n : numbers) {
    REPRIEVE_TRY(const auto hash, hash_of_config(repository, n));
    if (hash && *hash != RecordHash{}) configs.push_back({n, *hash});
  }
  return configs;
}

}  // namespace reprieve::repository
