#include "app/verifications.hpp"

#include <fcntl.h>

#include "base/json.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"

namespace reprieve::app {
namespace {

constexpr ByteCount kFileMax{64 * 1024 * 1024};

std::optional<std::pair<SnapshotId, Verifications::Verdict>> parse_line(std::string_view line) {
  const auto json = parse_json(line);
  if (!json || !json->is_object()) return std::nullopt;
  for (const char* member : {"point", "at", "level"})
    if (!json->contains(member) || !(*json)[member].is_string()) return std::nullopt;
  if (!json->contains("good") || !(*json)["good"].is_boolean()) return std::nullopt;
  const auto id = SnapshotId::from_hex((*json)["point"].get_ref<const std::string&>());
  const auto at = parse_rfc3339((*json)["at"].get_ref<const std::string&>());
  if (!id || !at) return std::nullopt;
  return std::pair{*id, Verifications::Verdict{*at, (*json)["level"].get<std::string>(),
                                               (*json)["good"].get<bool>()}};
}

}  // namespace

Verifications Verifications::load(const std::string& state_dir, std::string_view repository_hex) {
  Verifications verifications;
  verifications.folder_ = state_dir + "/repositories/" + std::string{repository_hex};
  verifications.path_ = verifications.folder_ + "/verifications.jsonl";
  const auto text = io::read_text_file(verifications.path_, kFileMax);
  if (!text) return verifications;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (const auto parsed = parse_line(rest.substr(0, end)))
      verifications.verdicts_[parsed->first] = parsed->second;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return verifications;
}

Result<> Verifications::record(const SnapshotId& point, const Verdict& verdict) {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder_));
  REPRIEVE_TRY(const io::FileHandle file,
               io::open_file(path_, O_WRONLY | O_CREAT | O_APPEND, 0600));
  const Json json = {{"point", point.hex()},
                     {"at", format_rfc3339(verdict.at)},
                     {"level", verdict.level},
                     {"good", verdict.is_good}};
  REPRIEVE_RETURN_IF_ERROR(io::write_all(file, as_bytes(to_text(json) + "\n")));
  REPRIEVE_RETURN_IF_ERROR(io::sync_data(file));
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
