#include "cli/progress_bar.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/format.hpp"
#include "base/json.hpp"
#include "io/terminal.hpp"

namespace reprieve::cli {
namespace {

constexpr std::size_t kBarCells = 20;

double seconds_of(Duration d) {
  return static_cast<double>(d.count()) / 1e9;
}

std::string bar(double share) {
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBarCells);
  return "[" + std::string(filled, '#') + std::string(kBarCells - filled, '.') + "]";
}

}  // namespace

std::string progress_line(const std::string& verb, const Progress& progress, Duration elapsed,
                          std::size_t width) {
  const std::uint64_t bytes = progress.bytes;
  const std::uint64_t total = progress.bytes_total;
  const double seconds = std::max(seconds_of(elapsed), 0.001);
  const double rate = static_cast<double>(bytes) / seconds;
  std::string line = verb;
  if (total > 0) {
    const double share = static_cast<double>(bytes) / static_cast<double>(total);
    line += fmt::format(" {} {:3.0f}%", bar(share), std::min(share, 1.0) * 100);
  }
  line += fmt::format("  {}, {}", format_count(progress.files, "file"), format_size(bytes));
  if (const std::uint64_t fresh = progress.bytes_new; fresh > 0)
    line += fmt::format(", {} new", format_size(fresh));
  if (const std::uint64_t same = progress.bytes_unchanged; same > 0)
    line += fmt::format(", {} unchanged", format_size(same));
  line += fmt::format("  {}/s", format_size(static_cast<std::uint64_t>(rate)));
  if (total > bytes && rate > 0) {
    const double left = static_cast<double>(total - bytes) / rate;
    line += "  ETA " + format_duration(Duration{static_cast<std::int64_t>(left * 1e9)});
  } else {
    line += "  " + format_duration(elapsed);
  }
  if (line.size() > width) line.resize(width);
  return line;
}

ProgressBar::ProgressBar(Mode mode, std::string verb, const Progress& progress, Clock& clock)
    : mode_{mode},
      verb_{std::move(verb)},
      progress_{progress},
      clock_{clock},
      started_{clock.uptime()} {
  if (mode_ != Mode::kOff) thread_ = std::thread{[this] { run(); }};
}

ProgressBar::~ProgressBar() {
  if (mode_ == Mode::kOff) return;
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
  if (mode_ == Mode::kTerminal) std::fputs("\r\033[K", stderr);
}

void ProgressBar::run() {
  const auto period = std::chrono::milliseconds{mode_ == Mode::kTerminal ? 100 : 1000};
  std::unique_lock lock{mutex_};
  while (!stop_.wait_for(lock, period, [&] { return is_stopping_; }))
    draw();
}

void ProgressBar::draw() {
  const Duration elapsed = clock_.uptime() - started_;
  if (mode_ == Mode::kTerminal) {
    const std::string line = progress_line(
        verb_, progress_, elapsed, static_cast<std::size_t>(io::terminal_width(STDERR_FILENO)) - 1);
    std::fputs(("\r" + line + "\033[K").c_str(), stderr);
    std::fflush(stderr);
    return;
  }
  const Json json = {{"schema", "reprieve.progress/1"},
                     {"doing", verb_},
                     {"elapsed_ms", elapsed.count() / 1'000'000},
                     {"files", progress_.files.load()},
                     {"files_total", progress_.files_total.load()},
                     {"bytes", progress_.bytes.load()},
                     {"bytes_total", progress_.bytes_total.load()},
                     {"bytes_new", progress_.bytes_new.load()},
                     {"bytes_unchanged", progress_.bytes_unchanged.load()},
                     {"bytes_stored", progress_.bytes_stored.load()}};
  std::fputs((to_text(json) + "\n").c_str(), stderr);
}

}  // namespace reprieve::cli
