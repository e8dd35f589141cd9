#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

namespace reprieve::app {

/// What verifying found, per recovery point: a file of one JSON object per line in the state
/// folder. Losing it loses only the memory of it: a point can be verified again.
class Verifications {
 public:
  struct Verdict {
    Instant at;
    std::string level;  ///< "data", "shards", ...
    bool is_good = false;
  };

  /// Reads what is there; lines that are no record are passed over.
  static Verifications load(const std::string& state_dir, std::string_view repository_hex);

  /// Appends durably. Errors: those of the file.
  Result<> record(const SnapshotId& point, const Verdict& verdict);

  /// The last word about a point at a level that reads its data.
  [[nodiscard]] std::optional<Verdict> verdict_on(const SnapshotId& point) const;
  [[nodiscard]] bool is_verified(const SnapshotId& point) const;

 private:
  std::string path_;
  std::map<SnapshotId, Verdict> verdicts_;
};

}  // namespace reprieve::app
