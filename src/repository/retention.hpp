#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "repository/snapshot.hpp"

namespace reprieve::repository {

/// Which recovery points of a source stay. Rules add up: what any of them keeps, stays. A count
/// keeps the newest point of each of that many periods (UTC; weeks begin on Monday, ISO 8601) that
/// have one.
struct RetentionRule {
  std::uint32_t last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;
  std::uint32_t monthly = 0;
  std::uint32_t yearly = 0;
  std::optional<Duration> within = {};  ///< Whatever is younger.
  std::vector<std::string> tags = {};   ///< Whatever carries one of them.
  /// Nothing younger goes, nor does it use up `last`: who has stolen a writer's key cannot push out
  /// what is there faster than somebody can notice.
  Duration min_age = std::chrono::hours{24};

  /// Nothing is said: then everything is kept.
  [[nodiscard]] bool is_empty() const;
};

struct RetentionVerdict {
  bool is_kept = true;
  std::string reason;  ///< "daily 3 of 30", "held: trial in Graz", "no rule keeps it".
};

/// What becomes of each of one source's `points`, in their order. Pure.
///
/// Safe against forged and misdated points: each writer's points are a series of its own, so that
/// nobody's points push out another's (a rewritten point stands where the one that it replaces
/// did); within a series only the signed sequence orders, never the time; a point dated after
/// `now`, or before one that came earlier in its series, is kept and takes nobody's place; and the
/// newest whole point of each series is kept whatever the rules say. A point of an interrupted run
/// goes once a whole one came after it. `held` gives the reason of each hold.
std::vector<RetentionVerdict> plan_retention(const std::vector<Snapshot>& points,
                                             const RetentionRule& rule,
                                             const std::map<SnapshotId, std::string>& held,
                                             Instant now);

}  // namespace reprieve::repository
