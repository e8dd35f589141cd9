#pragma once

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace reprieve::filesystem {

/// What of a recovery point is to be restored. Thread-safe.
class Selection {
 public:
  enum class Verdict { kInside, kOnTheWay, kOutside };

  /// `only` as in RestoreOptions.
  explicit Selection(const std::vector<std::string>& only);

  /// `whole_path` as captured, `relative_path` from the root on. Both without slashes at the ends.
  Verdict judge(std::string_view whole_path, std::string_view relative_path);
  [[nodiscard]] bool is_everything() const { return wanted_.empty(); }
  /// Those of which nothing was found so far.
  [[nodiscard]] std::vector<std::string> missing() const;

 private:
  const std::vector<std::string> wanted_;  // Without slashes at the ends.
  mutable std::mutex mutex_;
  std::set<std::string> found_;  // Guarded by mutex_.
};

}  // namespace reprieve::filesystem
