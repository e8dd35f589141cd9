#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "recovery/check.hpp"
#include "recovery/context.hpp"

namespace reprieve::recovery {

/// Runs each try in a thread of its own, so that a check that hangs holds nobody up. One thread
/// calls it; destroying it waits for the tries under way, which end with their checks' timeouts.
class ThreadedCheckRunner : public CheckRunner {
 public:
  explicit ThreadedCheckRunner(CheckEnvironment environment)
      : environment_{std::move(environment)} {}
  ~ThreadedCheckRunner() override;

  Result<std::uint64_t> start(const std::string& check) override;
  std::optional<CheckResult> poll(std::uint64_t ticket) override;

 private:
  struct Try {
    std::thread thread;
    std::mutex mutex;
    std::optional<CheckResult> result;  ///< Guarded by mutex.
  };
  const CheckEnvironment environment_;
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Try>> tries_;
};

}  // namespace reprieve::recovery
