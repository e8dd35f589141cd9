#include "repository/retention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "base/format.hpp"

namespace reprieve::repository {
namespace {

/// Clocks of healthy hosts differ by less.
constexpr Duration kClockSkewMax = std::chrono::minutes{5};

using Days = std::chrono::sys_days;

Days day_of(Instant time) {
  return std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time<std::chrono::nanoseconds>{Duration{time.nanoseconds}});
}

std::int64_t hour_of(Instant time) {
  return std::chrono::floor<std::chrono::hours>(Duration{time.nanoseconds}).count();
}
std::int64_t day_number(Instant time) {
  return day_of(time).time_since_epoch().count();
}
/// 1970-01-01 was a Thursday.
std::int64_t week_of(Instant time) {
  return std::chrono::floor<std::chrono::weeks>(day_of(time).time_since_epoch() +
                                                std::chrono::days{3})
      .count();
}
std::int64_t month_of(Instant time) {
  const std::chrono::year_month_day date{day_of(time)};
  return std::int64_t{int{date.year()}} * 12 + unsigned{date.month()};
}
std::int64_t year_of(Instant time) {
  return int{std::chrono::year_month_day{day_of(time)}.year()};
}

/// One count of the rule, as it is used up from the newest point on.
struct Rung {
  std::string_view name;
  std::uint32_t count;
  std::int64_t (*period_of)(Instant);  ///< Null: every point is a period.
  std::uint32_t used = 0;
  std::optional<std::int64_t> newest_period = {};

  std::optional<std::string> keeps(Instant time) {
    if (used == count) return std::nullopt;
    if (period_of != nullptr) {
      const std::int64_t period = period_of(time);
      if (newest_period == period) return std::nullopt;
      newest_period = period;
    }
    ++used;
    return fmt::format("{} {} of {}", name, used, count);
  }
};

std::optional<std::string> tag_of(const Snapshot& point, const RetentionRule& rule) {
  for (const std::string& tag : point.description.tags)
    if (std::ranges::find(rule.tags, tag) != rule.tags.end()) return "tag " + tag;
  return std::nullopt;
}

/// One writer's points in the order of their sequence.
class Series {
 public:
  Series(const RetentionRule& rule, const std::map<SnapshotId, std::string>& held, Instant now)
      : rule_{rule},
        held_{held},
        now_{now},
        rungs_{{{"last", rule.last, nullptr},
                {"hourly", rule.hourly, hour_of},
                {"daily", rule.daily, day_number},
                {"weekly", rule.weekly, week_of},
                {"monthly", rule.monthly, month_of},
                {"yearly", rule.yearly, year_of}}} {}

  void judge(std::vector<const Snapshot*> points,
             std::map<SnapshotId, RetentionVerdict>& verdicts) {
    std::ranges::sort(points, {}, [](const Snapshot* point) { return series_place(*point).seq; });
    const std::vector<std::string> oddities = misdated(points);
    bool is_newest_whole = true;
    for (std::size_t at = points.size(); at-- > 0;) {
      const Snapshot& point = *points[at];
      // A point and what was rewritten from it count as one as long as both are there.
      if (at + 1 < points.size() && series_place(point).seq == series_place(*points[at + 1]).seq) {
        verdicts[point.id] = on_demand(point, verdicts.at(points[at + 1]->id));
        continue;
      }
      verdicts[point.id] = verdict_on(point, oddities[at], is_newest_whole);
      if (point.is_final && oddities[at].empty()) is_newest_whole = false;
    }
  }

 private:
  /// Why a point's time is not to be believed; empty if it is.
  [[nodiscard]] std::vector<std::string> misdated(
      const std::vector<const Snapshot*>& points) const {
    std::vector<std::string> oddities;
    oddities.reserve(points.size());
    std::optional<Instant> latest;
    for (const Snapshot* point : points) {
      std::string oddity;
      if (point->time > now_ + kClockSkewMax) {
        oddity = "dated in the future";
      } else if (latest && point->time + kClockSkewMax < *latest) {
        oddity = "dated before the one that it follows";
      } else {
        latest = latest ? std::max(*latest, point->time) : point->time;
      }
      oddities.push_back(std::move(oddity));
    }
    return oddities;
  }

  RetentionVerdict verdict_on(const Snapshot& point, const std::string& oddity,
                              bool is_newest_whole) {
    if (!oddity.empty()) return {true, oddity};
    if (!point.is_final) {
      if (is_newest_whole) return {true, "interrupted, and none came after it"};
      return on_demand(point, {false, "interrupted, and a whole one came after it"});
    }
    // Every rung looks at every point, so that periods are counted alike whoever keeps it.
    const bool is_young = now_ - point.time < rule_.min_age;
    std::string reasons;
    for (Rung& rung : rungs_) {
      if (is_young && rung.period_of == nullptr) continue;
      if (const auto reason = rung.keeps(point.time))
        reasons += (reasons.empty() ? "" : ", ") + *reason;
    }
    if (!reasons.empty()) return {true, reasons};
    if (rule_.is_empty()) return {true, "no rule removes it"};
    if (rule_.within && now_ - point.time <= *rule_.within)
      return {true, "younger than " + format_duration(*rule_.within)};
    if (is_young) return {true, "younger than " + format_duration(rule_.min_age)};
    if (is_newest_whole) return {true, "the newest"};
    return on_demand(point, {false, "no rule keeps it"});
  }

  /// Holds and tags keep what nothing else does.
  [[nodiscard]] RetentionVerdict on_demand(const Snapshot& point,
                                           RetentionVerdict otherwise) const {
    if (const auto hold = held_.find(point.id); hold != held_.end())
      return {true, hold->second.empty() ? "held" : "held: " + hold->second};
    if (auto tag = tag_of(point, rule_)) return {true, *std::move(tag)};
    return otherwise;
  }

  const RetentionRule& rule_;
  const std::map<SnapshotId, std::string>& held_;
  const Instant now_;
  std::array<Rung, 6> rungs_;
};

}  // namespace

bool RetentionRule::is_empty() const {
  return last == 0 && hourly == 0 && daily == 0 && weekly == 0 && monthly == 0 && yearly == 0 &&
         !within && tags.empty();
}

std::vector<RetentionVerdict> plan_retention(const std::vector<Snapshot>& points,
                                             const RetentionRule& rule,
                                             const std::map<SnapshotId, std::string>& held,
                                             Instant now) {
  std::map<WriterId, std::vector<const Snapshot*>> series;
  for (const Snapshot& point : points)
    series[series_place(point).writer].push_back(&point);
  std::map<SnapshotId, RetentionVerdict> verdicts;
  for (auto& [writer, own] : series)
    Series{rule, held, now}.judge(std::move(own), verdicts);
  std::vector<RetentionVerdict> result;
  result.reserve(points.size());
  for (const Snapshot& point : points)
    result.push_back(verdicts.at(point.id));
  return result;
}

}  // namespace reprieve::repository
