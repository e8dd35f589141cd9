#include "app/jobs.hpp"
#include "backup/repository_reader.hpp"

namespace reprieve::app {

Result<backup::PointCheck> verify_point(const Workspace& workspace, OpenRepository& open,
                                        const repository::Snapshot& point, Progress& progress,
                                        const CancelToken& cancel) {
  progress.bytes_total = point.statistics.bytes;
  backup::RepositoryReader reader{*open.repository, progress, cancel};
  REPRIEVE_TRY(const std::vector<Entry> roots, reader.roots_of(point));
  REPRIEVE_TRY(backup::PointCheck check, backup::check_point(reader, roots, true));
  auto verifications = Verifications::load(workspace.state_dir(), to_hex(open.repository->id()));
  REPRIEVE_RETURN_IF_ERROR(verifications.record(
      point.id, {open.repository->clock().now(), "data", check.damages.empty()}));
  return check;
}

Result<repository::Snapshot> find_point(const Workspace& workspace, OpenRepository& open,
                                        const std::string& source, const std::string& wanted,
                                        Progress& progress, const CancelToken& cancel) {
  REPRIEVE_TRY(const auto list, open.repository->snapshots());
  if (!list.sealed_off.empty() && wanted.starts_with("latest"))
    return Error{ErrorKind::kDenied,
                 std::to_string(list.sealed_off.size()) +
                     " recovery points are sealed with keys that this key was not handed, so the "
                     "latest is not known",
                 "Name an older point by its id, or ask an administrator for a new key: `reprieve "
                 "repo keys add`."};
  REPRIEVE_TRY(const auto points, some_points_of(list.snapshots, source));
  const auto verifications =
      Verifications::load(workspace.state_dir(), to_hex(open.repository->id()));
  const auto chosen = choose_point(points, verifications, wanted);
  if (chosen) return **chosen;
  if (wanted != "latest-verified" || points.empty())
    return Error{chosen.error()}.at(source.empty() ? "find the point" : source);
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    const auto known = verifications.verdict_on(point->id);
    if (known && !known->is_good) continue;
    REPRIEVE_TRY(const auto check, verify_point(workspace, open, *point, progress, cancel));
    if (check.damages.empty()) return *point;
  }
  return Error{ErrorKind::kCorrupt, source + ": every recovery point is damaged",
               "Heal the repository with `reprieve repo repair`, then try again."};
}

}  // namespace reprieve::app
