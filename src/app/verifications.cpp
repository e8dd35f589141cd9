#include "app/verifications.hpp"

#include "app/json_lines.hpp"

namespace reprieve::app {
namespace {

std::optional<std::pair<SnapshotId, Verifications::Verdict>> parse_line(const Json& json) {
  const auto id = SnapshotId::from_hex(text_of(json, "point"));
  const auto at = parse_rfc3339(text_of(json, "at"));
  const std::string level = text_of(json, "level");
  const auto good = json.find("good");
  if (!id || !at || level.empty() || good == json.end() || !good->is_boolean()) return std::nullopt;
  return std::pair{*id, Verifications::Verdict{*at, level, good->get<bool>()}};
}

}  // namespace

Verifications Verifications::load(const std::string& state_dir, std::string_view repository_hex) {
  Verifications verifications;
  verifications.path_ = repository_file(state_dir, repository_hex, "verifications.jsonl");
  visit_lines(verifications.path_, [&](const Json& line) {
    if (const auto parsed = parse_line(line))
      verifications.verdicts_[parsed->first] = parsed->second;
  });
  return verifications;
}

Result<> Verifications::record(const SnapshotId& point, const Verdict& verdict) {
  REPRIEVE_RETURN_IF_ERROR(append_line(path_, {{"point", point.hex()},
                                               {"at", format_rfc3339(verdict.at)},
                                               {"level", verdict.level},
                                               {"good", verdict.is_good}}));
  verdicts_[point] = verdict;
  return kOk;
}

std::optional<Verifications::Verdict> Verifications::verdict_on(const SnapshotId& point) const {
  const auto found = verdicts_.find(point);
  if (found == verdicts_.end()) return std::nullopt;
  return found->second;
}

bool Verifications::is_verified(const SnapshotId& point) const {
  const auto verdict = verdict_on(point);
  return verdict && verdict->is_good;
}

}  // namespace reprieve::app
