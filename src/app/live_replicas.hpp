#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "app/workspace.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"

namespace reprieve::app {

/// Brings the replicas up to date beside a backup, again and again, so that little is left to copy
/// at its end, and a primary that is lost meanwhile costs only what came since. What goes wrong is
/// not told: the sync at the backup's end meets it again. Without a key that needs no asking for,
/// nothing is copied before that.
class LiveReplicas {
 public:
  /// The first round begins one `interval` from now, and opens the repository for itself. Null if
  /// no replica was named. `cancel` must outlive it. Errors: those of Workspace::open().
  static Result<std::unique_ptr<LiveReplicas>> start(WorkspaceOptions options, Duration interval,
                                                     const CancelToken& cancel);
  /// For start().
  LiveReplicas(Workspace workspace, Duration interval, const CancelToken& cancel);
  LiveReplicas(const LiveReplicas&) = delete;
  LiveReplicas& operator=(const LiveReplicas&) = delete;
  /// Ends after the round that is under way: what that copies is needed in any case.
  ~LiveReplicas();

 private:
  void run();
  Result<> sync();

  Workspace workspace_;  // The thread's own, as is the next one.
  std::optional<OpenRepository> open_;
  const Duration interval_;
  const CancelToken& cancel_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_ending_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace reprieve::app
