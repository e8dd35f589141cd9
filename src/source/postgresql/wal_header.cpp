#include "source/postgresql/wal_header.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace reprieve {
namespace {

constexpr int kFormat = 1;
constexpr std::size_t kRestorePointsMax = 1000;

Error corrupt() {
  return Error{ErrorKind::kCorrupt, "the header of a piece of a log has a bad member"};
}

/// Takes members out of an object; one that is missing or of another type fails it all.
class Members {
 public:
  explicit Members(const Json& object) : object_{object} {}

  std::string text(const char* name) {
    const auto found = find(name);
    if (found == nullptr || !found->is_string()) return fail(std::string{});
    return found->get<std::string>();
  }
  template <class T>
  T number(const char* name, T max) {
    const auto found = find(name);
    if (found == nullptr || !found->is_number_unsigned()) return fail(T{});
    const auto value = found->get<std::uint64_t>();
    return value <= static_cast<std::uint64_t>(max) ? static_cast<T>(value) : fail(T{});
  }
  Instant instant(const char* name) {
    const auto found = find(name);
    if (found == nullptr || !found->is_number_integer()) return fail(Instant{});
    return Instant{found->get<std::int64_t>()};
  }
  std::optional<Instant> instant_if_any(const char* name) {
    return find(name) == nullptr ? std::nullopt : std::optional{instant(name)};
  }
  Lsn lsn(const char* name) {
    const auto parsed = parse_lsn(text(name));
    return parsed ? *parsed : fail(Lsn{});
  }
  bool flag(const char* name) {
    const auto found = find(name);
    if (found == nullptr || !found->is_boolean()) return fail(false);
    return found->get<bool>();
  }
  std::string bytes(const char* name) {
    const auto raw = from_hex(text(name));
    return raw ? std::string{as_text(*raw)} : fail(std::string{});
  }
  [[nodiscard]] bool ok() const { return is_ok_; }

 private:
  const Json* find(const char* name) const {
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  template <class T>
  T fail(T value) {
    is_ok_ = false;
    return value;
  }
  const Json& object_;
  bool is_ok_ = true;
};

}  // namespace

std::string encode_wal_header(const WalHeader& header) {
  const WalOrigin& origin = header.origin;
  Json json = {{"kind", "postgres-wal"},
               {"format", kFormat},
               {"source", origin.source},
               {"system", origin.system_identifier},
               {"timeline", origin.timeline},
               {"segment_size", origin.segment_size},
               {"page_size", origin.page_size},
               {"server_version", origin.server_version_num},
               {"history", origin.history},
               {"heard", header.heard.nanoseconds},
               {"server_end", format_lsn(header.server_end)},
               {"commits", header.commits},
               {"proved", header.is_proved},
               {"restore_points", Json::array()}};
  if (header.first_commit) json["first_commit"] = header.first_commit->nanoseconds;
  if (header.last_commit) json["last_commit"] = header.last_commit->nanoseconds;
  const std::size_t named = std::min(header.restore_points.size(), kRestorePointsMax);
  for (std::size_t i = 0; i < named; ++i) {
    const RestorePoint& point = header.restore_points[i];
    json["restore_points"].push_back({{"name", to_hex(as_bytes(point.name))},
                                      {"end", format_lsn(point.end)},
                                      {"time", point.time.nanoseconds}});
  }
  return to_text(json);
}

Result<WalHeader> parse_wal_header(std::string_view text) {
  const auto json = parse_json(text);
  if (!json || !json->is_object()) return corrupt();
  Members in{*json};
  if (in.text("kind") != "postgres-wal" || !in.ok()) return corrupt();
  if (in.number("format", INT32_MAX) > kFormat)
    return Error{ErrorKind::kInvalid, "a piece of a log was written by a newer program",
                 "Use the newest reprieve that writes to this repository."};
  WalHeader header;
  header.origin = {.source = in.text("source"),
                   .system_identifier = in.text("system"),
                   .timeline = in.number<std::uint32_t>("timeline", UINT32_MAX),
                   .segment_size = in.number<std::uint64_t>("segment_size", UINT64_MAX),
                   .page_size = in.number<std::uint32_t>("page_size", 65536),
                   .server_version_num = in.number("server_version", INT32_MAX),
                   .history = in.text("history")};
  header.heard = in.instant("heard");
  header.server_end = in.lsn("server_end");
  header.commits = in.number<std::uint64_t>("commits", UINT64_MAX);
  header.first_commit = in.instant_if_any("first_commit");
  header.last_commit = in.instant_if_any("last_commit");
  header.is_proved = in.flag("proved");
  const auto points = json->find("restore_points");
  if (points == json->end() || !points->is_array() || points->size() > kRestorePointsMax)
    return corrupt();
  for (const Json& item : *points) {
    if (!item.is_object()) return corrupt();
    Members point{item};
    header.restore_points.push_back(
        {.name = point.bytes("name"), .end = point.lsn("end"), .time = point.instant("time")});
    if (!point.ok()) return corrupt();
  }
  const WalOrigin& origin = header.origin;
  const bool is_page = origin.page_size >= 1024 && (origin.page_size & (origin.page_size - 1)) == 0;
  if (!in.ok() || origin.timeline == 0 || !is_wal_segment_size(origin.segment_size) || !is_page)
    return corrupt();
  return header;
}

}  // namespace reprieve
