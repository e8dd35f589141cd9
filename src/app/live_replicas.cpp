#include "app/live_replicas.hpp"

#include "app/replicas.hpp"

namespace reprieve::app {

Result<std::unique_ptr<LiveReplicas>> LiveReplicas::start(WorkspaceOptions options,
                                                          Duration interval,
                                                          const CancelToken& cancel) {
  // A person is asked and warned once, for the backup itself.
  options.ask = {};
  options.warn = {};
  REPRIEVE_TRY(Workspace workspace, Workspace::open(std::move(options)));
  REPRIEVE_TRY(const auto places, workspace.replica_places());
  if (places.empty()) return std::unique_ptr<LiveReplicas>{};
  return std::make_unique<LiveReplicas>(std::move(workspace), interval, cancel);
}

LiveReplicas::LiveReplicas(Workspace workspace, Duration interval, const CancelToken& cancel)
    : workspace_{std::move(workspace)},
      interval_{interval},
      cancel_{cancel},
      thread_{[this] { run(); }} {}

LiveReplicas::~LiveReplicas() {
  {
    const std::lock_guard lock{mutex_};
    is_ending_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void LiveReplicas::run() {
  std::unique_lock lock{mutex_};
  while (!ended_.wait_for(lock, interval_, [&] { return is_ending_; }) && !cancel_.is_requested()) {
    lock.unlock();
    ignore_error(sync(), "the sync at the backup's end meets it again");
    lock.lock();
  }
}

Result<> LiveReplicas::sync() {
  if (!open_) {
    REPRIEVE_TRY(open_, workspace_.open_repository(Purpose::kWrite));
  }
  Progress progress;
  const auto outcomes = sync_replicas(workspace_, *open_, {}, progress, cancel_);
  return outcomes ? Result<>{kOk} : Result<>{outcomes.error()};
}

}  // namespace reprieve::app
