#include "app/log_recovery.hpp"

#include <algorithm>
#include <ranges>

#include "backup/wal_place.hpp"
#include "base/assert.hpp"
#include "source/postgresql/wal_scanner.hpp"

namespace reprieve::app {
namespace {

using backup::WalArchive;
using backup::WalPlace;
using repository::Snapshot;

bool may_serve(const Snapshot& point, const WalPlace& place, const LogTarget& target) {
  switch (target.kind) {
    case LogTarget::Kind::kTime:
      return point.description.data_time <= target.time;
    case LogTarget::Kind::kLsn:
      return place.end <= target.lsn;
    case LogTarget::Kind::kLatest:
    case LogTarget::Kind::kName:
    case LogTarget::Kind::kTransaction:
      return true;
  }
  return false;
}

/// The pieces of a reach, in order, each once.
std::vector<WalPiece> pieces_of(const WalMap& map, const std::vector<WalReach::Leg>& legs) {
  std::vector<WalPiece> pieces;
  for (const WalReach::Leg& leg : legs) {
    const auto held = map.timelines.find(leg.timeline);
    if (held == map.timelines.end()) continue;
    Lsn covered = leg.range.from;
    for (const WalPiece& piece : held->second.pieces) {
      if (piece.range.to <= covered || piece.range.from >= leg.range.to) continue;
      covered = piece.range.to;
      pieces.push_back(piece);
    }
  }
  return pieces;
}

/// Cuts legs off behind `lsn` on the leg that it lies in.
void cut(std::vector<WalReach::Leg>& legs, std::uint32_t timeline, Lsn lsn) {
  const auto own = std::ranges::find(legs, timeline, &WalReach::Leg::timeline);
  if (own == legs.end()) return;
  legs.erase(own + 1, legs.end());
  legs.back().range.to = std::min(legs.back().range.to, std::max(lsn, legs.back().range.from));
}

/// The pieces of a way with their headers, which are read when they are asked for.
class Headers {
 public:
  Headers(const WalArchive& archive, const std::vector<WalReach::Leg>& legs)
      : archive_{archive}, pieces_{pieces_of(archive.map(), legs)}, headers_(pieces_.size()) {}

  [[nodiscard]] std::size_t size() const { return pieces_.size(); }
  [[nodiscard]] const WalPiece& piece(std::size_t i) const { return pieces_[i]; }
  Result<const WalHeader*> header(std::size_t i) {
    if (!headers_[i]) {
      REPRIEVE_TRY(headers_[i], archive_.header(pieces_[i].number));
    }
    return &*headers_[i];
  }

 private:
  const WalArchive& archive_;
  std::vector<WalPiece> pieces_;
  std::vector<std::optional<WalHeader>> headers_;
};

/// The latest commit that the log has before piece number `end`.
Result<std::optional<Instant>> last_commit_before(Headers& headers, std::size_t end) {
  for (std::size_t i = end; i-- > 0;) {
    REPRIEVE_TRY(const WalHeader* header, headers.header(i));
    if (header->last_commit) return header->last_commit;
  }
  return std::optional<Instant>{};
}

Error cannot_reach(const std::string& wanted, const Headers& headers,
                   const std::optional<Instant>& last, const WalReach& reach) {
  std::string held = "The log goes to " + format_lsn(reach.end());
  if (last) held += ", its latest commit is of " + format_rfc3339(*last);
  if (headers.size() == 0) held = "No log goes on from the recovery points";
  if (!reach.gap.empty()) held += "; " + reach.gap;
  return Error{ErrorKind::kNotFound, wanted + " cannot be reached",
               held + ". Leave the target out to restore all there is."};
}

/// Plans one point; errors as plan_log_recovery().
class PointPlanner {
 public:
  PointPlanner(const WalArchive& archive, const LogTarget& target, WalReach reach)
      : archive_{archive},
        target_{target},
        reach_{std::move(reach)},
        headers_{archive, reach_.legs} {
    plan_.legs = reach_.legs;
    plan_.end = reach_.end();
  }

  Result<LogPlan> plan() {
    REPRIEVE_RETURN_IF_ERROR(aim());
    if (!reach_.gap.empty())
      plan_.notes.push_back("Recovery cannot go farther: " + reach_.gap + ".");
    return std::move(plan_);
  }

 private:
  Result<> aim() {
    switch (target_.kind) {
      case LogTarget::Kind::kLatest:
        return aim_at_end();
      case LogTarget::Kind::kTime:
        return aim_at_time();
      case LogTarget::Kind::kLsn:
        return aim_at_lsn();
      case LogTarget::Kind::kName:
        return aim_at_name();
      case LogTarget::Kind::kTransaction:
        break;
    }
    plan_.target =
        RecoveryTarget{RecoveryTarget::Kind::kTransaction, target_.name, target_.is_inclusive};
    plan_.notes.push_back("Whether the log has transaction " + target_.name +
                          " shows when the server recovers: it stops if not.");
    return kOk;
  }

  Result<> aim_at_end() {
    REPRIEVE_TRY(plan_.last_commit, last_commit_before(headers_, headers_.size()));
    plan_.recovered_to = plan_.last_commit;
    if (headers_.size() == 0) return kOk;
    REPRIEVE_TRY(const WalHeader* last, headers_.header(headers_.size() - 1));
    // When the server said so, it had nothing that is not held.
    if (last->server_end <= reach_.end()) plan_.recovered_to = last->heard;
    return kOk;
  }

  /// A commit after the target has to come, or the server refuses. Where none comes, though the
  /// server was heard after it, the target is the end of the log.
  Result<> aim_at_time() {
    for (std::size_t i = headers_.size(); i-- > 0;) {
      REPRIEVE_TRY(const WalHeader* header, headers_.header(i));
      if (i + 1 == headers_.size() && header->heard < target_.time &&
          !(header->last_commit && *header->last_commit > target_.time))
        break;
      // Commits of one piece and the next may be out of order by a little: one piece more.
      if (header->last_commit && *header->last_commit > target_.time) after_ = i;
      if (header->first_commit && *header->first_commit <= target_.time) break;
    }
    const std::string wanted = format_rfc3339(target_.time);
    plan_.recovered_to = target_.time;
    if (after_) {
      plan_.target = RecoveryTarget{RecoveryTarget::Kind::kTime, wanted, target_.is_inclusive};
      const WalPiece& piece = headers_.piece(*after_);
      cut_behind(piece.range.to);
      return kOk;
    }
    REPRIEVE_TRY(plan_.last_commit, last_commit_before(headers_, headers_.size()));
    if (headers_.size() > 0) {
      REPRIEVE_TRY(const WalHeader* last, headers_.header(headers_.size() - 1));
      if (last->heard >= target_.time && last->server_end <= reach_.end()) {
        plan_.notes.push_back("Nothing was committed between " + wanted +
                              " and the end of the log: recovery goes to its end.");
        return kOk;
      }
    }
    return cannot_reach(wanted, headers_, plan_.last_commit, reach_);
  }

  Result<> aim_at_lsn() {
    if (target_.lsn >= reach_.end())
      return cannot_reach(format_lsn(target_.lsn), headers_, std::nullopt, reach_);
    plan_.target =
        RecoveryTarget{RecoveryTarget::Kind::kLsn, format_lsn(target_.lsn), target_.is_inclusive};
    // The record at the target may end in the next segment.
    cut_behind(Lsn{target_.lsn.value + archive_.map().segment_size});
    return kOk;
  }

  /// The first restore point of that name: the server stops there.
  Result<> aim_at_name() {
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      REPRIEVE_TRY(const WalHeader* header, headers_.header(i));
      for (const RestorePoint& point : header->restore_points) {
        if (point.name != target_.name || point.end <= reach_.legs.front().range.from) continue;
        plan_.target = RecoveryTarget{RecoveryTarget::Kind::kName, target_.name, true};
        plan_.recovered_to = point.time;
        cut_behind(headers_.piece(i).range.to);
        return kOk;
      }
    }
    return cannot_reach("restore point " + target_.name, headers_, std::nullopt, reach_);
  }

  void cut_behind(Lsn lsn) {
    for (const WalReach::Leg& leg : reach_.legs)
      if (lsn <= leg.range.to) return cut(plan_.legs, leg.timeline, lsn);
  }

  const WalArchive& archive_;
  const LogTarget& target_;
  WalReach reach_;
  Headers headers_;
  LogPlan plan_;
  std::optional<std::size_t> after_;
};

class ArchiveSupply : public WalSupply {
 public:
  ArchiveSupply(const WalArchive& archive, std::vector<WalReach::Leg> legs)
      : archive_{archive}, legs_{std::move(legs)} {}

  [[nodiscard]] const std::vector<WalReach::Leg>& legs() const override { return legs_; }
  [[nodiscard]] std::string history(std::uint32_t timeline) const override {
    const auto held = archive_.map().timelines.find(timeline);
    return held == archive_.map().timelines.end() ? "" : held->second.history;
  }
  Result<> read_segment(const SegmentName& name, const Take& take) override {
    const auto leg = std::ranges::find(legs_, name.timeline, &WalReach::Leg::timeline);
    REPRIEVE_ASSERT(leg != legs_.end());
    const Lsn end =
        std::min(leg->range.to, segment_start(name.segment + 1, archive_.map().segment_size));
    const auto parts = cover_segment(archive_.map(), name);
    if (parts.empty() || parts.back().range.to < end)
      return Error{ErrorKind::kCorrupt, "the log has a gap where there was none"};
    for (const WalAnswer::Part& part : parts) {
      REPRIEVE_TRY(const Bytes bytes, archive_.read(part));
      prove(*leg, part.range.from, bytes);
      REPRIEVE_RETURN_IF_ERROR(take(bytes));
    }
    return kOk;
  }
  [[nodiscard]] std::string doubt() const override { return doubt_; }

 private:
  /// Record by record, up to the leg's end; what a timeline has behind its fork is not replayed.
  void prove(const WalReach::Leg& leg, Lsn from, ByteView bytes) {
    if (!doubt_.empty() || from >= leg.range.to) return;
    if (leg.timeline != proving_) {
      proving_ = leg.timeline;
      scanner_.emplace(from, archive_.map().segment_size, archive_.page_size(),
                       [](const WalEvent&) {});
    }
    const auto wanted = std::min<std::uint64_t>(bytes.size(), leg.range.to.value - from.value);
    if (const auto fed = scanner_->feed(bytes.first(static_cast<std::size_t>(wanted))); !fed)
      doubt_ = fed.error().what;
  }

  const WalArchive& archive_;
  std::vector<WalReach::Leg> legs_;
  std::uint32_t proving_ = 0;  ///< Timeline of what scanner_ reads.
  std::optional<WalScanner> scanner_;
  std::string doubt_;
};

}  // namespace

Result<LogPlan> plan_log_recovery(const std::vector<Snapshot>& points, const WalArchive& archive,
                                  const LogTarget& target) {
  std::optional<Error> failure;
  bool is_any = false;
  for (const Snapshot& point : points | std::views::reverse) {
    const auto place = backup::wal_place_of(point);
    if (!place || (!archive.is_empty() && place->system_identifier != archive.system_identifier()))
      continue;
    is_any = true;
    if (!may_serve(point, *place, target)) continue;
    auto reach = reach_of(archive.map(), place->timeline, place->end, target.timeline);
    if (!reach) {
      if (!failure) failure = std::move(reach).error();
      continue;
    }
    auto plan = PointPlanner{archive, target, *std::move(reach)}.plan();
    if (plan) {
      plan->point = &point;
      return plan;
    }
    if (plan.error().kind != ErrorKind::kNotFound) return plan;
    if (!failure) failure = std::move(plan).error();
  }
  if (failure) return *std::move(failure);
  return Error{ErrorKind::kNotFound,
               is_any ? "no recovery point is older than the target"
                      : "there is no recovery point of this database",
               is_any ? "The first that can be reached is at " +
                            format_rfc3339(points.front().description.data_time) + "."
                      : "Make one with `reprieve backup`."};
}

std::unique_ptr<WalSupply> supply_of(const WalArchive& archive, const LogPlan& plan) {
  return std::make_unique<ArchiveSupply>(archive, plan.legs);
}

}  // namespace reprieve::app
