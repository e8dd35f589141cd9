#include <algorithm>
#include <mutex>

#include "repository/internal/object_check.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/parallel.hpp"
#include "repository/internal/verify_data.hpp"
#include "repository/stream.hpp"
#include "repository/verify.hpp"

namespace reprieve::repository {

namespace {

Result<> verify_objects(ObjectStore& store, const std::vector<ObjectInfo>& objects,
                        unsigned threads, Progress& progress, const CancelToken& cancel,
                        VerifyReport& report) {
  REPRIEVE_TRY(const ObjectChecker checker, ObjectChecker::make(store, nullptr));
  const auto look = [&](const ObjectInfo& object) {
    return checker.check(object, ObjectChecker::Want::kFinding);
  };
  return look_at_each(objects, look, threads, progress, cancel, report);
}

}  // namespace

Result<> look_at_each(const std::vector<ObjectInfo>& objects, const LookAtObject& look,
                      unsigned threads, Progress& progress, const CancelToken& cancel,
                      VerifyReport& report) {
  for (const ObjectInfo& object : objects)
    progress.bytes_total += object.size.value;
  std::mutex mutex;
  auto done = for_each_parallel(objects.size(), threads, cancel, [&](std::size_t i) -> Result<> {
    REPRIEVE_TRY(ObjectFinding finding, look(objects[i]));
    progress.bytes += objects[i].size.value;
    const std::lock_guard lock{mutex};
    ++report.objects;
    report.bytes_read += finding.bytes_read;
    if (finding.damage) report.damages.push_back(*std::move(finding.damage));
    if (finding.remark) report.remarks.push_back(*std::move(finding.remark));
    return kOk;
  });
  std::ranges::sort(report.damages, {}, &Damage::object);
  std::ranges::sort(report.remarks);
  return done;
}

Result<VerifyReport> verify_shards(ObjectStore& store, unsigned threads, Progress& progress,
                                   const CancelToken& cancel) {
  REPRIEVE_TRY(const auto objects, list_all_objects(store));
  VerifyReport report;
  REPRIEVE_RETURN_IF_ERROR(verify_objects(store, objects, threads, progress, cancel, report));
  return report;
}

Result<> verify_objects_but_packs(ObjectStore& store, unsigned threads, Progress& progress,
                                  const CancelToken& cancel, VerifyReport& report) {
  REPRIEVE_TRY(auto objects, list_all_objects(store));
  std::erase_if(objects, [](const ObjectInfo& object) {
    return object.key.starts_with(kPackPrefix) || stream_piece_in_key(object.key);
  });
  return verify_objects(store, objects, threads, progress, cancel, report);
}

}  // namespace reprieve::repository
