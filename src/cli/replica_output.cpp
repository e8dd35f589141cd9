#include "cli/replica_output.hpp"

#include "base/format.hpp"

namespace reprieve::cli {
namespace {

/// Names that are shown; the rest are counted.
constexpr std::size_t kNamesMax = 5;

Json to_json(const app::ReplicaOutcome& outcome) {
  Json json = {{"store", outcome.store}, {"complete", outcome.is_complete()}, {"error", nullptr}};
  if (outcome.error) {
    json["error"] = outcome.error->what;
    json["hint"] = outcome.error->hint;
    json["kind"] = name_of(outcome.error->kind);
    return json;
  }
  const repository::SyncReport& report = *outcome.report;
  json["objects_missing"] = report.objects_missing;
  json["bytes_missing"] = report.bytes_missing;
  json["points_missing"] = report.points_missing;
  json["oldest_missing_point"] = nullptr;
  if (report.oldest_missing_point)
    json["oldest_missing_point"] = format_rfc3339(*report.oldest_missing_point);
  json["objects_copied"] = report.objects_copied;
  json["bytes_copied"] = report.bytes_copied;
  json["objects_removed"] = report.objects_removed;
  json["healed"] = report.healed;
  json["lost"] = report.lost;
  json["damaged"] = Json::array();
  for (const repository::Damage& damage : report.damaged)
    json["damaged"].push_back({{"object", damage.object}, {"what", damage.what}});
  return json;
}

void warn_of(const Console& console, const std::string& heading,
             const std::vector<std::string>& names) {
  if (names.empty()) return;
  console.warn(heading);
  for (std::size_t i = 0; i < std::min(names.size(), kNamesMax); ++i)
    console.warn("  " + names[i]);
  if (names.size() > kNamesMax)
    console.warn(fmt::format("  and {} more", names.size() - kNamesMax));
}

}  // namespace

Json to_json(const std::vector<app::ReplicaOutcome>& outcomes) {
  Json json = Json::array();
  for (const app::ReplicaOutcome& outcome : outcomes)
    json.push_back(to_json(outcome));
  return json;
}

bool tell(const Console& console, const std::vector<app::ReplicaOutcome>& outcomes) {
  bool is_complete = true;
  for (const app::ReplicaOutcome& outcome : outcomes) {
    is_complete = is_complete && outcome.is_complete();
    if (outcome.error) {
      console.warn("replica " + outcome.store + " is not up to date: " + outcome.error->what);
      if (!outcome.error->hint.empty()) console.warn("  " + outcome.error->hint);
      continue;
    }
    const repository::SyncReport& report = *outcome.report;
    console.say(fmt::format("replica {}: {} copied ({}), {} removed", outcome.store,
                            format_count(report.objects_copied, "object"),
                            format_size(report.bytes_copied),
                            format_count(report.objects_removed, "object")));
    for (const std::string& object : report.healed)
      console.say("  healed " + object);
    std::vector<std::string> damaged;
    damaged.reserve(report.damaged.size());
    for (const repository::Damage& damage : report.damaged)
      damaged.push_back(damage.object + ": " + damage.what);
    warn_of(console,
            "  damaged in the primary and not copied; run `reprieve repo repair`:", damaged);
    warn_of(console,
            "  lost in the primary, and still in the replica; `reprieve repo repair` brings it "
            "back:",
            report.lost);
  }
  return is_complete;
}

}  // namespace reprieve::cli
