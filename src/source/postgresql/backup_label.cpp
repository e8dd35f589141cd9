#include "source/postgresql/backup_label.hpp"

#include <charconv>
#include <set>

namespace reprieve {
namespace {

constexpr std::size_t kLabelBytesMax = 64 * 1024;
constexpr std::size_t kMapBytesMax = 64 * 1024 * 1024;

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt, std::move(what)};
}

/// The rest of the line that begins with `key`.
std::optional<std::string_view> line_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (line.starts_with(key)) return line.substr(key.size());
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::optional<std::uint32_t> parse_decimal32(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::uint32_t> parse_oid(std::string_view text) {
  if (text.empty() || text.front() == '0') return std::nullopt;
  return parse_decimal32(text);
}

Result<BackupLabel> parse_backup_label(ByteView bytes) {
  if (bytes.size() > kLabelBytesMax) return corrupt("backup_label is too large");
  const std::string_view text = as_text(bytes);
  BackupLabel label;
  // "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)"
  const auto start = line_value(text, "START WAL LOCATION: ");
  const auto checkpoint = line_value(text, "CHECKPOINT LOCATION: ");
  if (!start || !checkpoint) return corrupt("backup_label names no start or checkpoint");
  const std::size_t file = start->find(" (file ");
  if (file == std::string_view::npos || !start->ends_with(")"))
    return corrupt("backup_label names no first segment");
  const auto start_lsn = parse_lsn(start->substr(0, file));
  const auto checkpoint_lsn = parse_lsn(*checkpoint);
  if (!start_lsn || !checkpoint_lsn) return corrupt("backup_label has a bad location");
  label.start = *start_lsn;
  label.checkpoint = *checkpoint_lsn;
  label.first_segment = start->substr(file + 7, start->size() - file - 8);
  const auto timeline = line_value(text, "START TIMELINE: ");
  const auto number = timeline ? parse_decimal32(*timeline) : std::nullopt;
  if (!number || *number == 0) return corrupt("backup_label names no timeline");
  label.timeline = *number;
  label.is_from_standby = line_value(text, "BACKUP FROM: ") == "standby";
  return label;
}

Result<std::vector<TablespaceLink>> parse_tablespace_map(ByteView bytes) {
  if (bytes.size() > kMapBytesMax) return corrupt("tablespace_map is too large");
  std::vector<TablespaceLink> links;
  std::set<std::uint32_t> seen;
  std::string line;
  bool is_escaped = false;
  for (const char c : as_text(bytes)) {
    if (!is_escaped && c == '\\') {
      is_escaped = true;
      continue;
    }
    if (is_escaped || c != '\n') {
      line += c;
      is_escaped = false;
      continue;
    }
    const std::size_t space = line.find(' ');
    if (space == std::string::npos) return corrupt("tablespace_map has a line without location");
    const auto oid = parse_oid(std::string_view{line}.substr(0, space));
    std::string location = line.substr(space + 1);
    if (!oid || !location.starts_with('/') || location.find('\0') != std::string::npos)
      return corrupt("tablespace_map has a bad line");
    if (!seen.insert(*oid).second) return corrupt("tablespace_map names a tablespace twice");
    links.push_back({*oid, std::move(location)});
    line.clear();
  }
  if (!line.empty() || is_escaped) return corrupt("tablespace_map is cut off");
  return links;
}

std::string encode_tablespace_map(const std::vector<TablespaceLink>& links) {
  std::string text;
  for (const TablespaceLink& link : links) {
    text += std::to_string(link.oid) + ' ';
    for (const char c : link.location) {
      if (c == '\n' || c == '\r' || c == '\\') text += '\\';
      text += c;
    }
    text += '\n';
  }
  return text;
}

}  // namespace reprieve
