#include "app/live_replicas.hpp"

#include "app/replicas.hpp"

namespace reprieve::app {

Result<std::unique_ptr<LiveReplicas>> LiveReplicas::start(Workspace& workspace, Duration interval,
                                                          const CancelToken& cancel) {
  REPRIEVE_TRY(auto places, workspace.replica_places());
  if (places.empty()) return std::unique_ptr<LiveReplicas>{};
  REPRIEVE_TRY(OpenRepository open, workspace.open_repository(Purpose::kWrite));
  return std::make_unique<LiveReplicas>(std::move(places), std::move(open), interval, cancel);
}

LiveReplicas::LiveReplicas(std::vector<StorePlace> places, OpenRepository open, Duration interval,
                           const CancelToken& cancel)
    : places_{std::move(places)},
      open_{std::move(open)},
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
    Progress progress;
    if (open_.repository->refresh())
      static_cast<void>(sync_replicas(places_, open_, {}, progress, cancel_));
    lock.lock();
  }
}

}  // namespace reprieve::app
