#include "repository/internal/compression_pace.hpp"

#include <algorithm>

namespace reprieve::repository {
namespace {

// Between the two nothing changes, so that the level does not swing.
constexpr double kStoreBound = 0.9;
constexpr double kProcessorBound = 0.6;
// Of all writers together. Less would say more of one pack than of the store.
constexpr Duration kWindow = std::chrono::seconds{4};

}  // namespace

int next_level(int level, int level_min, int level_max, double share) {
  if (share >= kStoreBound) return std::min(level + 1, level_max);
  if (share < kProcessorBound) return std::max(level - 1, level_min);
  return level;
}

CompressionPace::CompressionPace(int level_min, int level_max)
    : level_min_{level_min}, level_max_{std::max(level_min, level_max)}, level_{level_min} {}

void CompressionPace::add_write(Duration away, Duration in_store) {
  if (level_min_ == level_max_) return;
  const std::lock_guard lock{mutex_};
  away_ += away;
  in_store_ += in_store;
  const Duration whole = away_ + in_store_;
  if (whole < kWindow) return;
  const double share = static_cast<double>(in_store_.count()) / static_cast<double>(whole.count());
  level_ = next_level(level_, level_min_, level_max_, share);
  away_ = in_store_ = {};
}

}  // namespace reprieve::repository
