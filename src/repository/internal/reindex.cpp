#include "repository/internal/reindex.hpp"

#include <functional>
#include <set>

#include "repository/internal/index.hpp"
#include "repository/internal/index_store.hpp"
#include "repository/internal/pack_contents.hpp"
#include "repository/internal/snapshot_store.hpp"

namespace reprieve::repository {
namespace {

/// One index: enough for sixty thousand packs of large chunks, and some dozen megabytes.
constexpr std::size_t kChunksPerIndex = 500'000;
constexpr std::size_t kPacksPerIndex = 4'000;
/// Names of indexes that have no object.
constexpr std::string_view kUnstoredPrefix = "trailers/";

/// Gathers packs into indexes of a bounded size.
class Batch {
 public:
  using Flush = std::function<Result<>(Bytes plain, std::uint64_t packs)>;
  explicit Batch(Flush flush) : flush_{std::move(flush)} {}

  Result<> add(PackContents pack) {
    chunks_ += pack.chunks.size();
    packs_.push_back(std::move(pack));
    if (chunks_ < kChunksPerIndex && packs_.size() < kPacksPerIndex) return kOk;
    return finish();
  }
  Result<> finish() {
    if (packs_.empty()) return kOk;
    const std::uint64_t count = packs_.size();
    Bytes plain = encode_index(packs_);
    packs_.clear();
    chunks_ = 0;
    return flush_(std::move(plain), count);
  }

 private:
  Flush flush_;
  std::vector<PackContents> packs_;
  std::size_t chunks_ = 0;
};

/// Calls `visit` with what each uncovered pack says; `unreadable` gathers those that say nothing.
Result<> visit_uncovered(Repository& repository, const std::vector<ObjectInfo>& packs,
                         std::vector<UnreadablePack>& unreadable,
                         const std::function<Result<>(PackReading)>& visit) {
  for (const ObjectInfo& object : packs) {
    const auto id = pack_id_in_key(object.key);
    if (!id) continue;
    auto reading =
        read_pack_contents(repository.store(), repository.keys(), *id, object.size.value);
    if (reading) {
      REPRIEVE_RETURN_IF_ERROR(visit(*std::move(reading)));
      continue;
    }
    const ErrorKind kind = reading.error().kind;
    if (kind == ErrorKind::kNotFound) continue;  // Garbage collection was quicker.
    if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kDenied && kind != ErrorKind::kExhausted)
      return std::move(reading).error();
    unreadable.push_back({.object = object.key, .why = reading.error().what});
  }
  return kOk;
}

/// Sessions that have a snapshot: all that they wrote was durable before it.
Result<std::set<SessionId>> settled_sessions(const Repository& repository) {
  REPRIEVE_TRY(const Repository::SnapshotList list, repository.snapshots());
  std::set<SessionId> sessions;
  for (const Snapshot& snapshot : list.snapshots)
    sessions.insert(snapshot.session);
  return sessions;
}

void retire_unstored(Index& index) {
  for (const std::string& name : index.objects()) {
    if (name.starts_with(kUnstoredPrefix)) index.retire(name);
  }
}

}  // namespace

Result<std::vector<ObjectInfo>> list_uncovered_packs(Repository& repository) {
  retire_unstored(repository.index());
  std::set<PackId> covered;
  for (const Index::PackRow& row : repository.index().packs())
    covered.insert(row.id);
  std::vector<ObjectInfo> packs;
  REPRIEVE_RETURN_IF_ERROR(
      repository.store().list(kPackPrefix, [&](const ObjectInfo& object) -> Result<> {
        const auto id = pack_id_in_key(object.key);
        if (id && !covered.contains(*id)) packs.push_back(object);
        return kOk;
      }));
  return packs;
}

Result<> index_from_trailers(Repository& repository) {
  REPRIEVE_TRY(const auto packs, list_uncovered_packs(repository));
  if (packs.empty()) return kOk;
  REPRIEVE_TRY(const auto sessions, settled_sessions(repository));
  IndexStore& indexes = repository.index_store();
  const auto batch_of = [&](Index::Trust trust) {
    return Batch{[&indexes, trust](Bytes plain, std::uint64_t) {
      const std::string name = std::string{kUnstoredPrefix} + to_hex(crypto::sha256(plain));
      return indexes.add_unstored(name, std::move(plain), trust);
    }};
  };
  Batch settled = batch_of(Index::Trust::kSettled);
  Batch unsettled = batch_of(Index::Trust::kReadOnly);
  std::vector<UnreadablePack> unreadable;
  REPRIEVE_RETURN_IF_ERROR(visit_uncovered(repository, packs, unreadable, [&](PackReading reading) {
    Batch& batch = sessions.contains(reading.label.session) ? settled : unsettled;
    return batch.add(std::move(reading.contents));
  }));
  REPRIEVE_RETURN_IF_ERROR(settled.finish());
  return unsettled.finish();
}

Result<RebuildReport> rebuild_indexes(Repository& repository, bool dry_run) {
  const KeyRing& keys = repository.keys();
  const bool is_root = keys.root_key() != nullptr;
  REPRIEVE_RETURN_IF_ERROR(keys.check_is_current());
  if (!is_root && !keys.can_sign()) {
    return Error{ErrorKind::kDenied, "the key at hand cannot sign indexes",
                 "Use an admin's or a writer's key."};
  }
  RebuildReport report;
  Batch batch{[&](Bytes plain, std::uint64_t packs) -> Result<> {
    report.packs += packs;
    if (dry_run) return kOk;
    REPRIEVE_TRY(ObjectKey object, repository.index_store().put_rebuilt(std::move(plain)));
    report.indexes.push_back(std::move(object));
    return kOk;
  }};
  REPRIEVE_TRY(const auto packs, list_uncovered_packs(repository));
  REPRIEVE_RETURN_IF_ERROR(
      visit_uncovered(repository, packs, report.unreadable, [&](PackReading reading) -> Result<> {
        if (!is_root && reading.label.writer != keys.writer_id()) return kOk;
        return batch.add(std::move(reading.contents));
      }));
  REPRIEVE_RETURN_IF_ERROR(batch.finish());
  REPRIEVE_RETURN_IF_ERROR(repository.store().sync());
  return report;
}

}  // namespace reprieve::repository
