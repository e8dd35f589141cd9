#include <algorithm>
#include <mutex>

#include "repository/internal/object_check.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/parallel.hpp"
#include "repository/internal/stream_object.hpp"
#include "repository/internal/verify_data.hpp"

namespace reprieve::repository {
namespace {

/// Shards first, as of every object; then what they hold.
Result<ObjectFinding> verify_piece(const Repository& repository, const ObjectChecker& checker,
                                   const ObjectInfo& object) {
  REPRIEVE_TRY(ObjectFinding finding, checker.check(object, ObjectChecker::Want::kBytes));
  const std::optional<Bytes>& bytes = finding.damage ? finding.healed : finding.bytes;
  if (!bytes) return finding;  // Beyond healing, which it says; or pruned meanwhile.
  const auto opened = open_stream_object(repository, *stream_piece_in_key(object.key), *bytes);
  if (opened) return finding;
  if (opened.error().kind == ErrorKind::kDenied)
    finding.remark = object.key + ": " + opened.error().what;
  else
    finding.damage = Damage{object.key, opened.error().what, false};
  return finding;
}

}  // namespace

Result<> verify_pieces(Repository& repository, unsigned threads, Progress& progress,
                       const CancelToken& cancel, VerifyReport& report) {
  REPRIEVE_TRY(auto objects, list_all_objects(repository.store(), kStreamPrefix));
  std::erase_if(objects, [](const ObjectInfo& object) { return !stream_piece_in_key(object.key); });
  REPRIEVE_TRY(const ObjectChecker checker, ObjectChecker::make(repository.store(), &repository));
  const auto look = [&](const ObjectInfo& object) {
    return verify_piece(repository, checker, object);
  };
  return look_at_each(objects, look, threads, progress, cancel, report);
}

}  // namespace reprieve::repository
