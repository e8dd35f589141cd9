#include "repository/verify.hpp"

#include <algorithm>

#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/loss.hpp"
#include "repository/internal/verify_data.hpp"
#include "repository/internal/verify_index.hpp"
#include "repository/internal/verify_list.hpp"
#include "repository/internal/verify_reach.hpp"

namespace reprieve::repository {
namespace {

/// Every byte, as far as the level asks for it. Data covers what shards would tell of packs.
Result<> verify_bytes(Repository& repository, VerifyLevel level, unsigned threads,
                      Progress& progress, const CancelToken& cancel, const PackRota* rota,
                      VerifyReport& report) {
  if (level != VerifyLevel::kShards) {
    REPRIEVE_RETURN_IF_ERROR(
        verify_objects_but_packs(repository.store(), threads, progress, cancel, report));
    if (level != VerifyLevel::kData) return kOk;
    REPRIEVE_RETURN_IF_ERROR(verify_data(repository, threads, progress, cancel, rota, report));
    return verify_pieces(repository, threads, progress, cancel, report);
  }
  REPRIEVE_TRY(report, verify_shards(repository.store(), threads, progress, cancel));
  return kOk;
}

/// Packs of which something may be lost: those marked so, and those that were just found.
std::set<PackId> lost_candidates(const Loss& marked, const VerifyReport& report) {
  std::set<PackId> packs = marked.packs;
  for (const Damage& damage : report.damages) {
    const auto id = pack_id_in_key(damage.object);
    if (id && !damage.is_healable) packs.insert(*id);
  }
  return packs;
}

/// Packs that were marked as lost stay damaged until they are pruned: what counts is whether points
/// need them, and that is told with the points.
void set_aside(const Loss& loss, VerifyReport& report) {
  for (const PackId& id : loss.packs) {
    const ObjectKey key = pack_key(id);
    report.marked_lost.insert(key);
    if (std::erase_if(report.damages, [&](const Damage& damage) { return damage.object == key; }) >
        0)
      report.remarks.push_back(key + ": lost, and marked so");
  }
}

}  // namespace

bool is_indexed(const Repository& repository, const ChunkId& id) {
  return repository.index().find(id).has_value();
}

std::string object_of(const Snapshot& point) {
  return snapshot_key(point.writer, point.seq);
}

Result<VerifyReport> verify(Repository& repository, VerifyLevel level, unsigned threads,
                            Progress& progress, const CancelToken& cancel, const PackRota* rota) {
  // What it cannot open it cannot vouch for, and nothing of that is damage.
  REPRIEVE_RETURN_IF_ERROR(repository.keys().check_is_current());
  VerifyReport report;
  REPRIEVE_RETURN_IF_ERROR(
      verify_bytes(repository, level, threads, progress, cancel, rota, report));
  REPRIEVE_RETURN_IF_ERROR(verify_list(repository, report));
  REPRIEVE_TRY(const Loss marked, measure_marked_loss(repository));
  if (level >= VerifyLevel::kIndex)
    REPRIEVE_RETURN_IF_ERROR(verify_index(repository, threads, cancel, report));
  if (level >= VerifyLevel::kReach) {
    const std::uint64_t opened = report.chunks;  // By kData, each once; else those looked up count.
    REPRIEVE_TRY(const Loss loss, measure_loss(repository, lost_candidates(marked, report)));
    REPRIEVE_RETURN_IF_ERROR(verify_reach(repository, loss, cancel, report));
    if (level == VerifyLevel::kData) report.chunks = opened;
  }
  if (level != VerifyLevel::kShards) set_aside(marked, report);
  std::ranges::stable_sort(report.damages, {}, &Damage::object);
  return report;
}

}  // namespace reprieve::repository
