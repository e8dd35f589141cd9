#include <filesystem>

#include "app/jobs.hpp"
#include "app/log_recovery.hpp"
#include "backup/repository_reader.hpp"
#include "backup/wal_place.hpp"
#include "base/format.hpp"
#include "source/filesystem/restore.hpp"
#include "source/postgresql/cluster_restore.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve::app {
namespace {

using repository::Snapshot;

/// The target that was chosen; nothing if the point is to be restored as it is.
Result<std::optional<LogTarget>> log_target(const RestoreChoices& choices) {
  const LogChoices& log = choices.log;
  LogTarget target;
  target.is_inclusive = !log.is_exclusive;
  target.timeline = log.timeline;
  if (!choices.to_time.empty()) {
    target.kind = LogTarget::Kind::kTime;
    target.time = *parse_rfc3339(choices.to_time);
  } else if (!log.to_lsn.empty()) {
    const auto lsn = parse_lsn(log.to_lsn);
    if (!lsn)
      return Error{ErrorKind::kInvalid, log.to_lsn + " is no LSN", "Write it as 0/3000060."};
    target.kind = LogTarget::Kind::kLsn;
    target.lsn = *lsn;
  } else if (!log.to_name.empty()) {
    target.kind = LogTarget::Kind::kName;
    target.name = log.to_name;
  } else if (!log.to_transaction.empty()) {
    target.kind = LogTarget::Kind::kTransaction;
    target.name = log.to_transaction;
  } else if (!choices.at.empty() && !log.is_to_latest) {
    return std::optional<LogTarget>{};
  }
  return std::optional{std::move(target)};
}

Result<Snapshot> wanted_point(const Workspace& workspace, OpenRepository& open,
                              const std::string& source, const RestoreChoices& choices,
                              Progress& progress, const CancelToken& cancel) {
  const std::string newest = choices.to_time.empty() ? "latest" : choices.to_time;
  return find_point(workspace, open, source, choices.at.empty() ? newest : choices.at, progress,
                    cancel);
}

/// A database's recovery, decided before anything is touched.
struct DatabaseRecovery {
  std::unique_ptr<backup::WalArchive> archive;  ///< `supply` reads from it.
  LogPlan plan;
  std::unique_ptr<WalSupply> supply;  ///< Null: nothing but what the point holds itself.
};

Result<DatabaseRecovery> plan_database(const OpenRepository& open, const std::string& source,
                                       const std::vector<Snapshot>& points,
                                       const LogTarget& target) {
  DatabaseRecovery recovery;
  const auto place = backup::wal_place_of(points.back());
  const std::string system = place ? place->system_identifier : "";
  REPRIEVE_TRY(auto archive, backup::WalArchive::open(*open.repository, {source, system}));
  recovery.archive = std::make_unique<backup::WalArchive>(std::move(archive));
  REPRIEVE_TRY(recovery.plan, plan_log_recovery(points, *recovery.archive, target));
  for (const std::string& problem : recovery.archive->problems())
    recovery.plan.notes.push_back("Log that cannot be read: " + problem + ".");
  if (!recovery.archive->is_empty()) recovery.supply = supply_of(*recovery.archive, recovery.plan);
  return recovery;
}

Json to_json(const LogPlan& plan) {
  Json json = {{"timeline", plan.legs.back().timeline},
               {"from_lsn", format_lsn(plan.legs.front().range.from)},
               {"to_lsn", format_lsn(plan.legs.back().range.to)},
               {"target", nullptr},
               {"last_commit", nullptr},
               {"recovered_to", nullptr}};
  if (plan.target) json["target"] = plan.target->value;
  if (plan.last_commit) json["last_commit"] = format_rfc3339(*plan.last_commit);
  if (plan.recovered_to) json["recovered_to"] = format_rfc3339(*plan.recovered_to);
  return json;
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
  if (choices.is_delta)
    return Error{
        ErrorKind::kInvalid, "--delta is for databases",
        "Leave it out: files are restored by writing what differs anyway. --delete removes "
        "what the point does not have."};
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
                              const RestoreChoices& choices, DatabaseRecovery& recovery,
                              RestoreOutcome& outcome) {
  if (!choices.only.empty() || !choices.root.empty())
    return Error{
        ErrorKind::kInvalid, "a database cluster is restored as a whole",
        "Leave out --only; restore beside the original and take what you need from there."};
  ClusterRestoreOptions options;
  options.data_directory = choices.into;
  options.is_replacing = choices.is_replacing;
  options.is_delta = choices.is_delta;
  options.is_dry_run = choices.is_dry_run;
  options.owner = choices.owner;
  options.tablespaces = choices.tablespaces;
  options.purpose = choices.is_drill ? ClusterPurpose::kDrill : ClusterPurpose::kRecovery;
  options.more_wal = recovery.supply.get();
  options.target = recovery.plan.target;
  options.end = choices.log.is_pausing ? RecoveryEnd::kPause : RecoveryEnd::kPromote;
  REPRIEVE_TRY(options.program, program_path());
  REPRIEVE_TRY(const ClusterRestoreSummary summary, restore_cluster(reader, roots, options));
  outcome.is_postgres = true;
  outcome.files = summary.files;
  outcome.bytes = summary.bytes;
  outcome.files_written = summary.files_written;
  outcome.bytes_written = summary.bytes_written;
  outcome.bytes_kept = summary.bytes_kept;
  outcome.files_unchanged = summary.files_unchanged;
  outcome.deleted = summary.deleted;
  outcome.notes = summary.notes;
  outcome.notes.insert(outcome.notes.end(), recovery.plan.notes.begin(), recovery.plan.notes.end());
  outcome.cluster = {{"system_identifier", summary.system_identifier},
                     {"server_version", summary.server_version},
                     {"timeline", summary.timeline},
                     {"start_lsn", summary.start_lsn},
                     {"end_lsn", summary.end_lsn},
                     {"wal_segments", summary.wal_segments},
                     {"is_suspect", summary.is_suspect},
                     {"old_wal", nullptr}};
  if (const OldWalPlace& old = summary.old_wal; old.files > 0)
    outcome.cluster["old_wal"] = {
        {"folder", old.folder}, {"files", old.files}, {"bytes", old.bytes}};
  return kOk;
}

}  // namespace

Result<RestoreOutcome> restore(const Workspace& workspace, OpenRepository& open,
                               const std::string& source, const RestoreChoices& choices,
                               Progress& progress, const CancelToken& cancel) {
  RestoreOutcome outcome;
  DatabaseRecovery recovery;
  REPRIEVE_RETURN_IF_ERROR(
      check_newest_is_known(open.listed, choices.at.empty() ? "latest" : choices.at));
  REPRIEVE_TRY(std::vector<Snapshot> points, some_points_of(open.listed.snapshots, source));
  REPRIEVE_TRY(const auto target, log_target(choices));
  const bool is_database = points.back().description.kind == "postgres";
  if (is_database && target) {
    if (!choices.at.empty()) {
      REPRIEVE_TRY(Snapshot point,
                   wanted_point(workspace, open, source, choices, progress, cancel));
      points = {std::move(point)};
    }
    REPRIEVE_TRY(recovery, plan_database(open, source, points, *target));
    outcome.point = *recovery.plan.point;
    outcome.log = to_json(recovery.plan);
  } else {
    if (!choices.to_time.empty() && !choices.at.empty())
      return Error{ErrorKind::kInvalid, "of files, a point and a time name two points",
                   "Leave out --at or --to-time."};
    REPRIEVE_TRY(outcome.point, wanted_point(workspace, open, source, choices, progress, cancel));
  }
  // Choosing may have read a point to verify it; what counts from here on is the restore.
  progress.bytes = 0;
  progress.files = 0;
  progress.directories = 0;
  progress.bytes_total = outcome.point.statistics.bytes;
  progress.files_total = outcome.point.statistics.files;
  backup::RepositoryReader reader{*open.repository, progress, cancel};
  REPRIEVE_TRY(std::vector<Entry> roots, reader.roots_of(outcome.point));
  const auto restored = outcome.point.description.kind == "postgres"
                            ? restore_into_cluster(reader, roots, choices, recovery, outcome)
                            : restore_into_files(reader, std::move(roots), choices, outcome);
  if (!restored) return Error{restored.error()}.at("restore " + source);
  outcome.problems = reader.problems();
  return outcome;
}

}  // namespace reprieve::app
