#include "app/locks_job.hpp"

#include <atomic>
#include <mutex>
#include <thread>

#include "app/stores.hpp"
#include "repository/needed_objects.hpp"
#include "storage/retrying/retry.hpp"

namespace reprieve::app {
namespace {

/// Requests wait for the network, not for the processor.
constexpr unsigned kThreads = 8;

class Extension {
 public:
  Extension(S3Store& store, const s3::LockRule& rule, bool is_dry_run, const CancelToken& cancel,
            LockReport& report)
      : store_{store},
        retry_{system_clock(), system_random(), &cancel},
        rule_{rule},
        is_dry_run_{is_dry_run},
        now_{system_clock().now()},
        report_{report} {}

  void look_at(const ObjectKey& key) {
    const auto lock = retry_([&] { return store_.lock_of(key); });
    if (!lock && lock.error().kind == ErrorKind::kNotFound) return;  // Removed meanwhile.
    if (!lock) return fail(key, lock.error());
    const bool is_covered = lock->has_value();
    const bool is_fresh = is_covered && (*lock)->until - now_ >= rule_.period / 2;
    Instant end = is_covered ? (*lock)->until : now_;
    if (!is_fresh && !is_dry_run_) {
      end = now_ + rule_.period;
      auto set = retry_([&] { return store_.set_lock(key, {rule_.mode, end}); });
      if (!set) return fail(key, set.error());
    }
    const std::lock_guard guard{mutex_};
    if (!is_covered) ++report_.uncovered;
    if (!is_fresh) ++report_.extended;
    if (!report_.first_end || end < *report_.first_end) report_.first_end = end;
  }

 private:
  void fail(const ObjectKey& key, const Error& error) {
    const std::lock_guard guard{mutex_};
    report_.failed.push_back(key + ": " + error.what);
  }

  S3Store& store_;
  const Retry retry_;
  const s3::LockRule rule_;
  const bool is_dry_run_;
  const Instant now_;
  std::mutex mutex_;
  LockReport& report_;  // Guarded by mutex_.
};

}  // namespace

Result<LockReport> extend_locks(const Workspace& workspace, OpenRepository& open, bool is_dry_run,
                                Progress& progress, const CancelToken& cancel) {
  REPRIEVE_TRY(const StorePlace place, workspace.store_place());
  const auto location = s3::parse_location(place.location);
  if (!location || !location->lock)
    return Error{ErrorKind::kInvalid, "the repository's URL says nothing of a lock",
                 "Add lock=30d&lock_mode=compliance (or governance) to its s3: URL."};
  REPRIEVE_TRY(const auto store, open_s3(place));
  REPRIEVE_TRY(const auto names, repository::needed_objects(*open.repository));
  LockReport report;
  report.objects = names.size();
  progress.files_total = names.size();
  Extension extension{*store, *location->lock, is_dry_run, cancel, report};
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  const auto work = [&] {
    for (std::size_t i = next++; i < names.size() && !cancel.is_requested(); i = next++) {
      extension.look_at(names[i]);
      ++progress.files;
    }
  };
  for (unsigned i = 1; i < kThreads; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread& thread : threads)
    thread.join();
  REPRIEVE_RETURN_IF_ERROR(cancel.check());
  return report;
}

}  // namespace reprieve::app
