#include "repository/prune.hpp"

#include <algorithm>
#include <iterator>

#include "repository/internal/burial.hpp"
#include "repository/internal/collector.hpp"
#include "repository/internal/hold_record.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

/// Other collectors that may be quicker.
constexpr int kTries = 10;

Result<> put_hold(Repository& repository, HoldRecord hold) {
  const KeyRing& keys = repository.keys();
  hold.repository = repository.id();
  hold.signer = keys.writer_id();
  hold.time = repository.clock().now();
  const Bytes record = encode_hold(hold, keys, repository.random());
  REPRIEVE_RETURN_IF_ERROR(
      repository.store().put(id_key(kHoldPrefix, crypto::sha256(record)), encode_twin(record)));
  return repository.store().sync();
}

}  // namespace

Result<PruneReport> prune(Repository& repository, const PruneOptions& options,
                          const CancelToken& cancel) {
  REPRIEVE_RETURN_IF_ERROR(check_may_prune(repository.keys()));
  PruneReport report;
  for (int tries = 0; tries < kTries; ++tries) {
    Collector collector{repository, options, cancel, report};
    REPRIEVE_TRY(const bool is_done, collector.run());
    if (is_done) return report;
  }
  return Error{ErrorKind::kConflict, "other prunes of this repository kept being quicker",
               "Run the prune again."};
}

Result<> hold_point(Repository& repository, const SnapshotId& snapshot, const std::string& text) {
  REPRIEVE_RETURN_IF_ERROR(check_may_prune(repository.keys()));
  if (text.size() > kHoldTextMax)
    return Error{ErrorKind::kInvalid, "the reason is longer than 1000 bytes",
                 "Give a shorter --reason."};
  HoldRecord hold;
  hold.subject = snapshot.bytes;
  hold.text = text;
  REPRIEVE_RETURN_IF_ERROR(put_hold(repository, std::move(hold)));
  // Collectors put tombs and then look for holds: one of the two sees the other's.
  REPRIEVE_TRY(const TombList tombs, read_tombs(repository.store(), repository.keys()));
  const bool is_tombed = std::ranges::any_of(tombs.tombs, [&](const Tomb& tomb) {
    return tomb.what == Tomb::What::kSnapshot && tomb.snapshot == snapshot;
  });
  if (!is_tombed) return kOk;
  return Error{ErrorKind::kConflict, "the recovery point is being removed by a prune",
               "List what is left with `reprieve points`, and hold another point."};
}

Result<std::vector<Burial>> bury_points(Repository& repository,
                                        const std::vector<Snapshot>& points) {
  REPRIEVE_RETURN_IF_ERROR(check_may_prune(repository.keys()));
  ObjectStore& store = repository.store();
  REPRIEVE_TRY(const GcState gc, read_gc_state(store, repository.keys()));
  REPRIEVE_TRY(const auto holds, read_holds(store, repository.keys()));
  std::vector<Burial> burials;
  std::vector<ObjectKey> tombs(points.size());
  burials.reserve(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    Burial& burial = burials.emplace_back(Burial::kBuried);
    if (holds.contains(points[i].id)) {
      burial = Burial::kHeld;
    } else if (!is_settled(points[i], gc)) {
      burial = Burial::kTooNew;
    } else {
      REPRIEVE_TRY(tombs[i], put_tomb(repository, tomb_of(points[i])));
    }
  }
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  // A hold that came between our look for holds and our tombs is found by this look, and wins.
  REPRIEVE_TRY(const auto holds_now, read_holds(store, repository.keys()));
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (burials[i] != Burial::kBuried || !holds_now.contains(points[i].id)) continue;
    REPRIEVE_RETURN_IF_ERROR(store.remove(tombs[i]));
    burials[i] = Burial::kHeld;
  }
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  return burials;
}

Result<std::vector<ChunkId>> needed_chunks(Repository& repository,
                                           const std::vector<ChunkId>& chunks,
                                           const CancelToken& cancel) {
  REPRIEVE_TRY(const StoreLook look, look_at_store(repository, SessionId{}));
  LiveChunks live{repository, cancel};
  REPRIEVE_RETURN_IF_ERROR(live.mark(look.roots(), look.packs));
  std::vector<ChunkId> needed;
  std::ranges::copy_if(chunks, std::back_inserter(needed),
                       [&](const ChunkId& id) { return live.has(id); });
  return needed;
}

Result<> release_point(Repository& repository, const SnapshotId& snapshot) {
  REPRIEVE_RETURN_IF_ERROR(check_may_prune(repository.keys()));
  REPRIEVE_TRY(const auto holds, read_holds(repository.store(), repository.keys()));
  const auto [first, last] = holds.equal_range(snapshot);
  if (first == last)
    return Error{ErrorKind::kNotFound, "the recovery point is not held",
                 "`reprieve points` shows which are."};
  for (auto hold = first; hold != last; ++hold) {
    HoldRecord release;
    release.what = HoldRecord::What::kRelease;
    release.subject = hold->second.id;
    REPRIEVE_RETURN_IF_ERROR(put_hold(repository, std::move(release)));
  }
  return kOk;
}

Result<std::vector<Hold>> list_holds(const Repository& repository) {
  REPRIEVE_TRY(const auto stored, read_holds(repository.store(), repository.keys()));
  std::vector<Hold> holds;
  for (const auto& [snapshot, hold] : stored)
    holds.push_back({snapshot, hold.record.time, hold.record.text});
  return holds;
}

}  // namespace reprieve::repository
