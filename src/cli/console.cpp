#include "cli/console.hpp"

#include <algorithm>
#include <cstdint>

#include "base/format.hpp"

namespace reprieve::cli {
namespace {

constexpr std::size_t kProblemsShown = 20;

std::string_view name_of(Problem::Kind kind) {
  switch (kind) {
    case Problem::Kind::kUnreadable:
      return "unreadable";
    case Problem::Kind::kChanged:
      return "changed";
    case Problem::Kind::kVanished:
      return "vanished";
    case Problem::Kind::kUnsupported:
      return "unsupported";
  }
  return "unknown";
}

void print(std::FILE* stream, std::string_view line) {
  std::string text{line};
  text.push_back('\n');
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

/// Length of the UTF-8 sequence that `text` starts with; 0 if it starts with none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::size_t length = 0;
  if (byte(0) < 0x80) length = 1;
  if (byte(0) >= 0xc2 && byte(0) <= 0xdf) length = 2;
  if (byte(0) >= 0xe0 && byte(0) <= 0xef) length = 3;
  if (byte(0) >= 0xf0 && byte(0) <= 0xf4) length = 4;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  return length;
}

/// Characters, not bytes; wide characters count as one, which only costs alignment.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace

void Console::say(std::string_view line) const {
  if (!is_json_ && !is_quiet_) print(stdout, line);
}

void Console::show(std::string_view line) const {
  if (!is_json_) print(stdout, line);
}

void Console::warn(std::string_view line) const {
  print(stderr, line);
}

void Console::result(const Json& object) const {
  if (is_json_) print(stdout, to_text(object));
}

int Console::fail(const Error& error) const {
  const int exit_code = exit_code_of(error.kind);
  if (is_json_) {
    result({{"schema", "reprieve.error/1"},
            {"exit_code", exit_code},
            {"kind", reprieve::name_of(error.kind)},
            {"error", error.what},
            {"hint", error.hint}});
    return exit_code;
  }
  warn("reprieve: " + error.what);
  if (!error.hint.empty()) warn("  " + error.hint);
  return exit_code;
}

void Console::list(const std::vector<Problem>& problems) const {
  if (is_json_) return;
  for (std::size_t i = 0; i < std::min(problems.size(), kProblemsShown); ++i)
    warn(fmt::format("  {}: {}: {}", name_of(problems[i].kind), printable(problems[i].path),
                     problems[i].what));
  if (problems.size() > kProblemsShown)
    warn(fmt::format("  and {} more; --json lists all", problems.size() - kProblemsShown));
}

std::string printable(std::string_view raw) {
  std::string text;
  while (!raw.empty()) {
    const std::size_t length = utf8_length(raw);
    const auto first = static_cast<unsigned char>(raw.front());
    // C1 controls (U+0080 to U+009F) start an escape sequence on some terminals.
    const bool is_c1 = length == 2 && first == 0xc2 && static_cast<unsigned char>(raw[1]) < 0xa0;
    if (length == 0 || first < 0x20 || first == 0x7f || is_c1) {
      text += fmt::format("\\x{:02x}", first);
      raw.remove_prefix(1);
    } else {
      text += raw.substr(0, length);
      raw.remove_prefix(length);
    }
  }
  return text;
}

void add_path(Json& object, const std::string& member, const std::string& raw) {
  object[member] = raw;
  bool is_utf8 = true;
  for (std::string_view rest = raw; !rest.empty() && is_utf8;) {
    const std::size_t length = utf8_length(rest);
    is_utf8 = length != 0;
    rest.remove_prefix(length);
  }
  if (!is_utf8) object[member + "_hex"] = to_hex(as_bytes(raw));
}

Json to_json(const Problem& problem) {
  Json json = {{"kind", name_of(problem.kind)}};
  add_path(json, "path", problem.path);
  json["what"] = problem.what;
  return json;
}

std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      const bool is_right = i < right.size() && right[i];
      line += is_right ? padding + row[i] : row[i] + padding;
      if (i + 1 < row.size()) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

}  // namespace reprieve::cli
