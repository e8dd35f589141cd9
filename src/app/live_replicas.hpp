#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "app/workspace.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"

namespace reprieve::app {

/// Brings the replicas up to date beside a backup, again and again, so that little is left to copy
/// at its end, and a primary that is lost meanwhile costs only what came since. What goes wrong is
/// not told: the sync at the backup's end meets it again.
class LiveReplicas {
 public:
  /// The first round begins one `interval` from now. Null if no replica was named. `cancel` must
  /// outlive it. Errors: those of opening the repository, which it does for itself.
  static Result<std::unique_ptr<LiveReplicas>> start(Workspace& workspace, Duration interval,
                                                     const CancelToken& cancel);
  /// For start().
  LiveReplicas(std::vector<StorePlace> places, OpenRepository open, Duration interval,
               const CancelToken& cancel);
  LiveReplicas(const LiveReplicas&) = delete;
  LiveReplicas& operator=(const LiveReplicas&) = delete;
  /// Ends after the round that is under way: what that copies is needed in any case.
  ~LiveReplicas();

 private:
  void run();

  const std::vector<StorePlace> places_;
  OpenRepository open_;  // The thread's own.
  const Duration interval_;
  const CancelToken& cancel_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_ending_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace reprieve::app
