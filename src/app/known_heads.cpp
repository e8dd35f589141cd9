#include "app/known_heads.hpp"

#include <algorithm>

#include "app/json_lines.hpp"
#include "base/json.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "io/lock.hpp"

namespace reprieve::app {
namespace {

using repository::HeadAlarm;
using repository::Heads;
using repository::NumberedRecord;
using repository::WriterId;

constexpr ByteCount kFileMax{16 * 1024 * 1024};
constexpr std::string_view kSchema = "reprieve.heads/1";

Json to_json(const NumberedRecord& record) {
  return {{"n", record.n}, {"id", to_hex(record.id)}};
}

/// Another difference of the same object is another decision.
std::string text_of(const HeadAlarm& alarm) {
  return alarm.object + ": " + alarm.what;
}

template <std::size_t N>
bool parse_hex(const Json& json, const char* member, std::array<std::byte, N>& out) {
  if (!json.contains(member) || !json[member].is_string()) return false;
  const auto bytes = from_hex(json[member].get_ref<const std::string&>());
  if (!bytes || bytes->size() != N) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}

bool parse_record(const Json& json, NumberedRecord& out) {
  if (!json.is_object() || !json.contains("n") || !json["n"].is_number_unsigned()) return false;
  out.n = json["n"].get<std::uint64_t>();
  return parse_hex(json, "id", out.id);
}

}  // namespace

std::optional<KnownHeads> parse_known_heads(std::string_view text) {
  const auto json = parse_json(text);
  if (!json || !json->is_object() || json->value("schema", Json{}) != Json(kSchema))
    return std::nullopt;
  for (const char* member : {"config", "gc", "writers", "accepted"})
    if (!json->contains(member)) return std::nullopt;
  KnownHeads known;
  if (!parse_record((*json)["config"], known.heads_.config)) return std::nullopt;
  if (!parse_record((*json)["gc"], known.heads_.gc)) return std::nullopt;
  for (const Json& item : (*json)["writers"]) {
    WriterId writer{};
    NumberedRecord head;
    if (!parse_record(item, head) || !parse_hex(item, "writer", writer)) return std::nullopt;
    known.heads_.writers[writer] = head;
  }
  for (const Json& item : (*json)["accepted"]) {
    if (!item.is_string()) return std::nullopt;
    known.accepted_.insert(item.get<std::string>());
  }
  return known;
}

std::string encode_known_heads(const KnownHeads& known) {
  Json writers = Json::array();
  for (const auto& [writer, head] : known.heads_.writers) {
    Json item = to_json(head);
    item["writer"] = to_hex(writer);
    writers.push_back(std::move(item));
  }
  const Json json = {{"schema", kSchema},
                     {"config", to_json(known.heads_.config)},
                     {"gc", to_json(known.heads_.gc)},
                     {"writers", writers},
                     {"accepted", known.accepted_}};
  return to_text(json) + "\n";
}

KnownHeads KnownHeads::empty(const std::string& state_dir, std::string_view repository_hex) {
  KnownHeads known;
  known.folder_ = repository_folder(state_dir, repository_hex);
  return known;
}

Result<KnownHeads> KnownHeads::load(const std::string& state_dir, std::string_view repository_hex) {
  KnownHeads known = empty(state_dir, repository_hex);
  const auto text = io::read_text_file(known.path(), kFileMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return known;
  if (!text) return Error{text.error()}.at("read what this host remembers of the repository");
  auto parsed = parse_known_heads(*text);
  if (!parsed)
    return Error{
        ErrorKind::kCorrupt,
        known.path() + ": what this host remembers of the repository cannot be read",
        "Compare `reprieve repo head` with another host's; if they agree, remove the file."};
  parsed->folder_ = std::move(known.folder_);
  return *std::move(parsed);
}

std::vector<HeadAlarm> KnownHeads::unaccepted(std::vector<HeadAlarm> alarms) const {
  std::erase_if(alarms, [&](const HeadAlarm& alarm) { return accepted_.contains(text_of(alarm)); });
  return alarms;
}

Result<> KnownHeads::advance(const Heads& seen) {
  if (repository::merge_heads(heads_, seen) == heads_) return kOk;
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder_));
  const auto lock = io::FileLock::try_take(path() + ".lock", "remembering heads");
  if (!lock && lock.error().kind != ErrorKind::kConflict) return lock.error();
  if (!lock) return kOk;
  // Another process may have gone further since we looked.
  if (const auto text = io::read_text_file(path(), kFileMax)) {
    if (const auto now = parse_known_heads(*text)) {
      heads_ = repository::merge_heads(heads_, now->heads_);
      accepted_ = now->accepted_;
    }
  }
  heads_ = repository::merge_heads(heads_, seen);
  return io::write_file_durably(path(), as_bytes(encode_known_heads(*this)));
}

Result<> KnownHeads::accept(const Heads& seen, const std::vector<HeadAlarm>& alarms) {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder_));
  REPRIEVE_TRY(const io::FileLock lock,
               io::FileLock::try_take(path() + ".lock", "accepting heads"));
  heads_ = repository::merge_heads({}, seen);
  for (const HeadAlarm& alarm : alarms)
    accepted_.insert(text_of(alarm));
  return io::write_file_durably(path(), as_bytes(encode_known_heads(*this)));
}

}  // namespace reprieve::app
