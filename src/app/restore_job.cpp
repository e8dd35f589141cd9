#include <filesystem>

#include "app/jobs.hpp"
#include "backup/repository_reader.hpp"
#include "base/format.hpp"
#include "source/filesystem/restore.hpp"
#include "source/postgresql/cluster_restore.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve::app {
namespace {

using repository::Snapshot;

/// The newest point whose WAL ends at or before `text`.
Result<Snapshot> point_before_lsn(OpenRepository& open, const std::string& source,
                                  const std::string& text) {
  const auto wanted = parse_lsn(text);
  if (!wanted) return Error{ErrorKind::kInvalid, text + " is no LSN", "Write it as 0/3000060."};
  REPRIEVE_TRY(const auto points, some_points_of(open.listed.snapshots, source));
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    const auto end = parse_lsn(point->description.facts.value("end_lsn", ""));
    if (end && *end <= *wanted) return *point;
  }
  return Error{ErrorKind::kNotFound, "no recovery point of " + source + " ends before " + text,
               "List them with `reprieve points " + source + " --json`."};
}

Result<Snapshot> wanted_point(const Workspace& workspace, OpenRepository& open,
                              const std::string& source, const RestoreChoices& choices,
                              Progress& progress, const CancelToken& cancel) {
  if (!choices.to_lsn.empty()) return point_before_lsn(open, source, choices.to_lsn);
  if (choices.to_time.empty())
    return find_point(workspace, open, source, choices.at, progress, cancel);
  if (!parse_rfc3339(choices.to_time))
    return Error{ErrorKind::kInvalid, choices.to_time + " is no time with a zone",
                 "Write it as 2026-11-20T14:49:00Z."};
  return find_point(workspace, open, source, choices.to_time, progress, cancel);
}

Result<> keep_one_root(std::vector<Entry>& roots, const std::string& wanted) {
  std::string names;
  for (const Entry& root : roots)
    names += (names.empty() ? "" : ", ") + root.name;
  std::erase_if(roots, [&](const Entry& root) { return root.name != wanted; });
  if (!roots.empty()) return kOk;
  return Error{ErrorKind::kNotFound, "the recovery point does not hold the path " + wanted,
               "It holds " + names + "."};
}

Result<> restore_into_files(backup::RepositoryReader& reader, std::vector<Entry> roots,
                            const RestoreChoices& choices, RestoreOutcome& outcome) {
  if (!choices.root.empty()) REPRIEVE_RETURN_IF_ERROR(keep_one_root(roots, choices.root));
  RestoreOptions options;
  options.target = choices.into;
  options.only = choices.only;
  options.dry_run = choices.is_dry_run;
  options.delete_extra = choices.is_deleting_extra;
  options.sync = choices.is_durable;
  REPRIEVE_TRY(const RestoreSummary summary, restore_files(reader, std::move(roots), options));
  outcome.files = summary.files;
  outcome.bytes = summary.bytes;
  outcome.files_written = summary.files_written;
  outcome.bytes_written = summary.bytes_written;
  outcome.bytes_kept = summary.bytes_kept;
  outcome.files_unchanged = summary.files_unchanged;
  outcome.deleted = summary.deleted;
  return kOk;
}

Result<> restore_into_cluster(backup::RepositoryReader& reader, const std::vector<Entry>& roots,
                              const RestoreChoices& choices, RestoreOutcome& outcome) {
  if (!choices.only.empty() || !choices.root.empty())
    return Error{
        ErrorKind::kInvalid, "a database cluster is restored as a whole",
        "Leave out --only; restore beside the original and take what you need from there."};
  ClusterRestoreOptions options;
  options.data_directory = choices.into;
  options.is_replacing = choices.is_replacing;
  options.is_dry_run = choices.is_dry_run;
  options.owner = choices.owner;
  options.tablespaces = choices.tablespaces;
  options.purpose = choices.is_drill ? ClusterPurpose::kDrill : ClusterPurpose::kRecovery;
  REPRIEVE_TRY(options.program, program_path());
  REPRIEVE_TRY(const ClusterRestoreSummary summary, restore_cluster(reader, roots, options));
  outcome.is_postgres = true;
  outcome.files = summary.files;
  outcome.bytes = summary.bytes;
  outcome.files_written = choices.is_dry_run ? 0 : summary.files;
  outcome.bytes_written = choices.is_dry_run ? 0 : summary.bytes;
  outcome.notes = summary.notes;
  outcome.cluster = {{"system_identifier", summary.system_identifier},
                     {"server_version", summary.server_version},
                     {"timeline", summary.timeline},
                     {"start_lsn", summary.start_lsn},
                     {"end_lsn", summary.end_lsn},
                     {"wal_segments", summary.wal_segments},
                     {"is_suspect", summary.is_suspect}};
  return kOk;
}

}  // namespace

Result<RestoreOutcome> restore(const Workspace& workspace, OpenRepository& open,
                               const std::string& source, const RestoreChoices& choices,
                               Progress& progress, const CancelToken& cancel) {
  RestoreOutcome outcome;
  REPRIEVE_TRY(outcome.point, wanted_point(workspace, open, source, choices, progress, cancel));
  // Choosing may have read a point to verify it; what counts from here on is the restore.
  progress.bytes = 0;
  progress.files = 0;
  progress.directories = 0;
  progress.bytes_total = outcome.point.statistics.bytes;
  progress.files_total = outcome.point.statistics.files;
  backup::RepositoryReader reader{*open.repository, progress, cancel};
  REPRIEVE_TRY(std::vector<Entry> roots, reader.roots_of(outcome.point));
  const auto restored = outcome.point.description.kind == "postgres"
                            ? restore_into_cluster(reader, roots, choices, outcome)
                            : restore_into_files(reader, std::move(roots), choices, outcome);
  if (!restored) return Error{restored.error()}.at("restore " + source);
  outcome.problems = reader.problems();
  return outcome;
}

}  // namespace reprieve::app
