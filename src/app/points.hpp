#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/verifications.hpp"
#include "base/result.hpp"
#include "repository/repository.hpp"
#include "repository/snapshot.hpp"

namespace reprieve::app {

/// Which recovery point a person means: an unambiguous prefix of its id, its name, `latest`,
/// `latest-verified`, or a time (then the newest that is not younger). Pure.
///
/// `snapshots` are those of one source, oldest first. Errors: kNotFound, saying what there is;
/// kInvalid if a prefix means several, or if a time carries no zone.
Result<const repository::Snapshot*> choose_point(const std::vector<repository::Snapshot>& snapshots,
                                                 const Verifications& verifications,
                                                 std::string_view wanted);

/// Those of one source, oldest first; all if `source` is empty. Snapshots that are not final and
/// the plan's own copies are left out unless they are asked for by name.
std::vector<repository::Snapshot> points_of(const std::vector<repository::Snapshot>& snapshots,
                                            std::string_view source);

/// The same, where a source without any is an error. Errors: kNotFound, naming the sources that
/// have points, or the nearest of them.
Result<std::vector<repository::Snapshot>> some_points_of(
    const std::vector<repository::Snapshot>& snapshots, std::string_view source);

/// Whether the newest point is among those that are listed, for a `wanted` that asks for it.
/// Errors: kDenied if points are sealed with keys that the key at hand was not handed.
Result<> check_newest_is_known(const repository::Repository::SnapshotList& list,
                               std::string_view wanted);

/// The name under which the plan itself is kept beside the data.
inline constexpr std::string_view kPlanSource = "plan";

/// Whether the key at hand could read what the point is of, and how old its data are.
bool is_described(const repository::Snapshot& point);

/// First digits of an id, as shown to people.
std::string short_id(const SnapshotId& id);

}  // namespace reprieve::app
