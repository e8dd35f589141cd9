#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "repository/repository.hpp"

namespace reprieve::repository {

/// How deep to look; each level includes those above it.
enum class VerifyLevel : std::uint8_t {
  kList,    ///< Every object named has its size; records verify; snapshot chains have no gap.
  kIndex,   ///< Indexes and trailers agree; packs that no index knows.
  kReach,   ///< Every chunk that a snapshot needs is indexed.
  kShards,  ///< Every byte of every object is what its name promises. Needs no key.
  kData,    ///< Every chunk decrypts and has its id.
};

/// One thing that is wrong.
struct Damage {
  std::string object;        ///< Name in the store.
  std::string what;          ///< "3 of 64 shards damaged".
  bool is_healable = false;  ///< By `repo repair`, from what the store itself holds.
};

struct VerifyReport {
  std::uint64_t objects = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t chunks = 0;
  std::uint64_t snapshots = 0;
  std::vector<Damage> damages;       ///< None: all is well.
  std::vector<std::string> remarks;  ///< Harmless: packs of abandoned sessions and the like.
};

/// Checks the whole repository. Damage is in the report, not an Error.
Result<VerifyReport> verify(Repository& repository, VerifyLevel level, unsigned threads,
                            Progress& progress, const CancelToken& cancel);

/// Level kShards without any key: all that a storage host can prove.
Result<VerifyReport> verify_shards(ObjectStore& store, unsigned threads, Progress& progress,
                                   const CancelToken& cancel);

/// Heals what verify() found and what needs nothing but the store: packs from parity or labels,
/// twins from their other half, indexes from trailers. Deletes nothing but damaged indexes whose
/// packs are all covered by others again. `dry_run` only reports.
struct RepairReport {
  std::vector<std::string> healed;  ///< Objects.
  std::vector<Damage> left;         ///< What could not be healed, and why.
};
/// `repository` may be null: then only what needs no key is healed.
Result<RepairReport> repair(ObjectStore& store, Repository* repository, bool dry_run,
                            unsigned threads, Progress& progress, const CancelToken& cancel);

}  // namespace reprieve::repository
