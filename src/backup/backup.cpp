#include "backup/backup.hpp"

#include "backup/repository_sink.hpp"

namespace reprieve::backup {
namespace {

repository::Statistics statistics_of(const Progress& progress, std::size_t problems,
                                     Duration elapsed) {
  repository::Statistics statistics;
  statistics.files = progress.files;
  statistics.directories = progress.directories;
  statistics.bytes = progress.bytes;
  statistics.files_new = progress.files_new;
  statistics.files_changed = progress.files_changed;
  statistics.files_unchanged = progress.files_unchanged;
  statistics.files_removed = progress.files_removed;
  statistics.files_renamed = progress.files_renamed;
  statistics.problems = problems;
  statistics.duration_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count());
  return statistics;
}

Result<ListRef> capture(Source& source, RepositorySink& sink, const CancelToken& cancel) {
  REPRIEVE_TRY(std::vector<Entry> roots, source.capture(sink));
  REPRIEVE_TRY(const ListRef root, sink.put_directory(std::move(roots)));
  REPRIEVE_RETURN_IF_ERROR(cancel.check());
  return root;
}

}  // namespace

Result<BackupOutcome> back_up(repository::Repository& repository, Source& source,
                              repository::Description description, const Describe& describe,
                              const repository::SessionOptions& options, Progress& progress,
                              const CancelToken& cancel) {
  Clock& clock = repository.clock();
  const Duration started = clock.uptime();
  description.started = clock.now();
  description.data_time = description.started;
  REPRIEVE_TRY(const auto session, repository::WriteSession::begin(repository, options, progress));
  RepositorySink sink{*session, progress, cancel};
  auto root = capture(source, sink, cancel);
  if (!root) {
    ignore_error(session->abandon(), "what failed first is told");
    return std::move(root).error();
  }
  describe(description);
  BackupOutcome outcome;
  outcome.problems = sink.problems();
  const auto statistics =
      statistics_of(progress, outcome.problems.size(), clock.uptime() - started);
  REPRIEVE_TRY(outcome.snapshot, session->commit(*root, statistics, description));
  return outcome;
}

}  // namespace reprieve::backup
