#include "app/points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/format.hpp"
#include "base/local_time.hpp"
#include "plan/nearest.hpp"

namespace reprieve::app {
namespace {

using repository::Snapshot;

constexpr std::size_t kShortIdDigits = 12;
constexpr std::size_t kPrefixMin = 4;

Error nothing_found(const std::vector<Snapshot>& snapshots, std::string what) {
  std::string hint = "There is no recovery point yet: take one with `reprieve backup`.";
  if (!snapshots.empty())
    hint = fmt::format("List them with `reprieve points`; the newest is {} of {}.",
                       short_id(snapshots.back().id), format_rfc3339(snapshots.back().time));
  return Error{ErrorKind::kNotFound, std::move(what), std::move(hint)};
}

bool is_hex_prefix(std::string_view text) {
  return text.size() >= kPrefixMin && text.size() <= 2 * SnapshotId::kSize &&
         std::ranges::all_of(
             text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<const Snapshot*> choose_at(const std::vector<Snapshot>& snapshots, Instant time) {
  const Snapshot* best = nullptr;
  for (const Snapshot& snapshot : snapshots) {
    const Instant data_time = snapshot.description.data_time;
    if (data_time <= time && (best == nullptr || best->description.data_time <= data_time))
      best = &snapshot;
  }
  if (best != nullptr) return best;
  return nothing_found(snapshots, "no recovery point is as old as " + format_rfc3339(time));
}

Result<const Snapshot*> choose_by_prefix(const std::vector<Snapshot>& snapshots,
                                         std::string_view wanted) {
  const Snapshot* found = nullptr;
  for (const Snapshot& snapshot : snapshots) {
    if (!snapshot.id.hex().starts_with(wanted)) continue;
    if (found != nullptr)
      return Error{ErrorKind::kInvalid,
                   fmt::format("several recovery points begin with {}", wanted),
                   "Give more digits of the id."};
    found = &snapshot;
  }
  if (found != nullptr) return found;
  return nothing_found(snapshots, fmt::format("no recovery point is called {}", wanted));
}

}  // namespace

bool is_described(const Snapshot& point) {
  return !point.description.source.empty();
}

std::string short_id(const SnapshotId& id) {
  return id.hex().substr(0, kShortIdDigits);
}

Result<const Snapshot*> choose_point(const std::vector<Snapshot>& snapshots,
                                     const Verifications& verifications, std::string_view wanted) {
  if (snapshots.empty()) return nothing_found(snapshots, "there is no recovery point");
  if (wanted == "latest") return &snapshots.back();
  if (wanted == "latest-verified") {
    for (auto at = snapshots.rbegin(); at != snapshots.rend(); ++at)
      if (verifications.is_verified(at->id)) return &*at;
    return Error{ErrorKind::kNotFound, "no recovery point was verified yet",
                 "Verify one with `reprieve verify POINT --level data`, or use `latest`."};
  }
  // Names win over prefixes, so that a name which looks like an id means itself.
  for (auto at = snapshots.rbegin(); at != snapshots.rend(); ++at)
    if (!at->description.name.empty() && at->description.name == wanted) return &*at;
  if (const auto time = parse_rfc3339(wanted)) return choose_at(snapshots, *time);
  if (is_hex_prefix(wanted)) return choose_by_prefix(snapshots, wanted);
  const bool is_like_a_time = wanted.size() >= 10 && wanted[4] == '-' && wanted[7] == '-';
  if (is_like_a_time) return not_a_moment(wanted);
  return nothing_found(snapshots, fmt::format("no recovery point is called {}", wanted));
}

Result<std::vector<Snapshot>> some_points_of(const std::vector<Snapshot>& snapshots,
                                             std::string_view source) {
  auto points = points_of(snapshots, source);
  if (!points.empty()) return points;
  std::set<std::string_view> sources;
  for (const Snapshot& snapshot : snapshots)
    sources.insert(snapshot.description.source);
  if (sources.empty()) return nothing_found(snapshots, "there is no recovery point");
  if (sources.size() == 1 && sources.contains(""))
    return Error{ErrorKind::kDenied, "this key cannot read what the recovery points are of",
                 "Use a reader's or an administrator's key."};
  return Error{ErrorKind::kNotFound, fmt::format("there is no recovery point of {}", source),
               plan::suggestion(source, {sources.begin(), sources.end()})};
}

Result<> check_newest_is_known(const repository::Repository::SnapshotList& list,
                               std::string_view wanted) {
  if (list.sealed_off.empty() || !wanted.starts_with("latest")) return kOk;
  return Error{ErrorKind::kDenied,
               std::to_string(list.sealed_off.size()) +
                   " recovery points are sealed with keys that this key was not handed, so the "
                   "latest is not known",
               "Name an older point by its id, or ask an administrator for a new key: `reprieve "
               "repo keys add`."};
}

std::vector<Snapshot> points_of(const std::vector<Snapshot>& snapshots, std::string_view source) {
  std::vector<Snapshot> points;
  for (const Snapshot& snapshot : snapshots) {
    const std::string& name = snapshot.description.source;
    const bool is_wanted = source.empty() ? name != kPlanSource : name == source;
    if (is_wanted && snapshot.is_final) points.push_back(snapshot);
  }
  return points;
}

}  // namespace reprieve::app
