#include "repository/verify.hpp"

#include <algorithm>

#include "repository/internal/key_ring.hpp"
#include "repository/internal/verify_data.hpp"
#include "repository/internal/verify_index.hpp"
#include "repository/internal/verify_list.hpp"
#include "repository/internal/verify_reach.hpp"

namespace reprieve::repository {
namespace {

/// Every byte, as far as the level asks for it. Data covers what shards would tell of packs.
Result<> verify_bytes(Repository& repository, VerifyLevel level, unsigned threads,
                      Progress& progress, const CancelToken& cancel, VerifyReport& report) {
  if (level != VerifyLevel::kShards) {
    REPRIEVE_RETURN_IF_ERROR(
        verify_objects_but_packs(repository.store(), threads, progress, cancel, report));
    if (level != VerifyLevel::kData) return kOk;
    return verify_data(repository, threads, progress, cancel, report);
  }
  REPRIEVE_TRY(report, verify_shards(repository.store(), threads, progress, cancel));
  return kOk;
}

}  // namespace

Result<VerifyReport> verify(Repository& repository, VerifyLevel level, unsigned threads,
                            Progress& progress, const CancelToken& cancel) {
  // What it cannot open it cannot vouch for, and nothing of that is damage.
  REPRIEVE_RETURN_IF_ERROR(repository.keys().check_is_current());
  VerifyReport report;
  REPRIEVE_RETURN_IF_ERROR(verify_bytes(repository, level, threads, progress, cancel, report));
  REPRIEVE_RETURN_IF_ERROR(verify_list(repository, report));
  if (level >= VerifyLevel::kIndex)
    REPRIEVE_RETURN_IF_ERROR(verify_index(repository, threads, cancel, report));
  if (level >= VerifyLevel::kReach) {
    const std::uint64_t opened = report.chunks;  // By kData, each once; else those looked up count.
    REPRIEVE_RETURN_IF_ERROR(verify_reach(repository, cancel, report));
    if (level == VerifyLevel::kData) report.chunks = opened;
  }
  std::ranges::stable_sort(report.damages, {}, &Damage::object);
  return report;
}

}  // namespace reprieve::repository
