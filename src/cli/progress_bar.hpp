#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "base/progress.hpp"

namespace reprieve::cli {

/// Draws a job's counters on standard error until it is destroyed: one line that is redrawn on a
/// terminal, a JSON object per second with --json, nothing in a pipe.
class ProgressBar {
 public:
  enum class Mode : std::uint8_t { kOff, kTerminal, kJson };

  ProgressBar(Mode mode, std::string verb, const Progress& progress, Clock& clock);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

 private:
  void run();
  void draw();

  const Mode mode_;
  const std::string verb_;
  const Progress& progress_;
  Clock& clock_;
  const Duration started_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool is_stopping_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

/// The line as people see it, at most `width` characters. Pure.
std::string progress_line(const std::string& verb, const Progress& progress, Duration elapsed,
                          std::size_t width);

}  // namespace reprieve::cli
