#include "app/serve_memory.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"

namespace reprieve::app {
namespace {

constexpr std::size_t kBytesMax = 16 * 1024 * 1024;

Json to_json(const std::optional<Instant>& time) {
  return time ? Json(format_rfc3339(*time)) : Json();
}

std::optional<Instant> time_of(const Json& row, const char* member) {
  const auto found = row.find(member);
  if (found == row.end() || !found->is_string()) return std::nullopt;
  return parse_rfc3339(found->get<std::string>());
}

plan::BackupMemory memory_of(const Json& row) {
  plan::BackupMemory memory;
  memory.begun = time_of(row, "begun");
  memory.ended = time_of(row, "ended");
  const auto failures = row.find("failures");
  if (failures != row.end() && failures->is_number_unsigned())
    memory.failures = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(failures->get<std::uint64_t>(), UINT32_MAX));
  return memory;
}

}  // namespace

ServeMemory::ServeMemory(std::string path, std::string& doubt) : path_{std::move(path)} {
  if (const auto loaded = load(); !loaded && loaded.error().kind != ErrorKind::kNotFound)
    doubt = loaded.error().what;
}

Result<> ServeMemory::load() {
  REPRIEVE_TRY(const std::string text, io::read_text_file(path_, {kBytesMax}));
  const auto json = parse_json(text);
  if (!json || !json->is_object() || !json->contains("backups") || !(*json)["backups"].is_object())
    return Error{ErrorKind::kCorrupt, path_ + " cannot be understood"};
  for (const auto& [job, row] : (*json)["backups"].items())
    if (row.is_object()) jobs_[job] = memory_of(row);
  return kOk;
}

plan::BackupMemory ServeMemory::of(const std::string& job) const {
  const std::lock_guard lock{mutex_};
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? plan::BackupMemory{} : found->second;
}

Result<> ServeMemory::keep(const std::string& job, const plan::BackupMemory& memory) {
  const std::lock_guard lock{mutex_};
  jobs_[job] = memory;
  Json rows = Json::object();
  for (const auto& [name, each] : jobs_)
    rows[name] = {{"begun", to_json(each.begun)},
                  {"ended", to_json(each.ended)},
                  {"failures", each.failures}};
  const Json json = {{"schema", "reprieve.serve-memory/1"}, {"backups", rows}};
  return io::write_file_durably(path_, as_bytes(to_text(json) + "\n"));
}

}  // namespace reprieve::app
