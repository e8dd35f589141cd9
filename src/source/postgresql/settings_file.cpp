#include "source/postgresql/settings_file.hpp"

#include <algorithm>
#include <charconv>

#include "base/clock.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kRestorePointNameMax = 63;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

std::string_view skip_space(std::string_view text) {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  return text;
}

/// The setting that a line begins with, in lower case, and what follows it; empty if it is none.
std::pair<std::string, std::string_view> split_name(std::string_view line) {
  line = skip_space(line);
  const auto is_name = [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  };
  std::size_t end = 0;
  while (end < line.size() && is_name(line[end]))
    ++end;
  return {lowered(line.substr(0, end)), line.substr(end)};
}

/// A value as the server's lexer reads it: quoted with its escapes, or a bare word.
std::string parse_value(std::string_view rest) {
  rest = skip_space(rest);
  if (rest.starts_with('=')) rest = skip_space(rest.substr(1));
  if (!rest.starts_with('\'')) {
    std::size_t end = 0;
    while (end < rest.size() && !is_space(rest[end]) && rest[end] != '#')
      ++end;
    return std::string{rest.substr(0, end)};
  }
  std::string value;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '\'') {
      if (i + 1 >= rest.size() || rest[i + 1] != '\'') break;
      value += rest[++i];
    } else if (rest[i] == '\\' && i + 1 < rest.size()) {
      value += rest[++i];
    } else {
      value += rest[i];
    }
  }
  return value;
}

template <class Visit>
void for_each_line(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    visit(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

bool is_named(const std::string& name, const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [&](const std::string& wanted) {
    if (wanted.ends_with('*')) return name.starts_with(wanted.substr(0, wanted.size() - 1));
    return name == wanted;
  });
}

Error bad_target(std::string what) {
  return Error{ErrorKind::kInvalid, "the recovery target " + std::move(what)};
}

Result<Setting> target_setting(const RecoveryTarget& target) {
  switch (target.kind) {
    case RecoveryTarget::Kind::kImmediate:
      return Setting{"recovery_target", "immediate"};
    case RecoveryTarget::Kind::kTime: {
      const auto instant = parse_rfc3339(target.value);
      if (!instant) return bad_target("is no RFC 3339 time with a zone");
      std::string text = format_rfc3339(*instant);  // In UTC, ending in Z.
      text[text.find('T')] = ' ';
      text.replace(text.size() - 1, 1, "+00");
      return Setting{"recovery_target_time", text};
    }
    case RecoveryTarget::Kind::kLsn:
      if (!parse_lsn(target.value)) return bad_target("is no LSN");
      return Setting{"recovery_target_lsn", target.value};
    case RecoveryTarget::Kind::kName:
      if (target.value.empty() || target.value.size() > kRestorePointNameMax)
        return bad_target("is no restore point's name: it must have 1 to 63 bytes");
      return Setting{"recovery_target_name", target.value};
    case RecoveryTarget::Kind::kTransaction:
      if (target.value.empty() || target.value.size() > 20 ||
          target.value.find_first_not_of("0123456789") != std::string::npos)
        return bad_target("is no transaction id");
      return Setting{"recovery_target_xid", target.value};
  }
  return bad_target("is of an unknown kind");
}

}  // namespace

std::string quote_setting(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    switch (c) {
      case '\'':
        out += "''";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out += c;
    }
  }
  return out + "'";
}

std::string format_setting(const Setting& setting) {
  return setting.first + " = " + quote_setting(setting.second) + "\n";
}

std::string quote_shell_word(std::string_view word) {
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string quote_command_word(std::string_view word) {
  std::string out;
  for (const char c : quote_shell_word(word)) {
    if (c == '%') out += '%';
    out += c;
  }
  return out;
}

std::string staged_restore_command(std::string_view program, std::string_view staged) {
  return quote_command_word(program) + " wal fetch --from " + quote_command_word(staged) +
         " \"%f\" \"%p\"";
}

std::string staged_end_command(std::string_view program, std::string_view staged) {
  return quote_command_word(program) + " wal finish --from " + quote_command_word(staged);
}

std::optional<std::string> find_setting(std::string_view text, std::string_view name) {
  std::optional<std::string> value;
  const std::string wanted = lowered(name);
  for_each_line(text, [&](std::string_view line) {
    const auto [found, rest] = split_name(line);
    if (found == wanted) value = parse_value(rest);
  });
  return value;
}

std::string disable_settings(std::string_view text, const std::vector<std::string>& names) {
  std::string out;
  for_each_line(text, [&](std::string_view line) {
    const std::string name = split_name(line).first;
    if (!name.empty() && is_named(name, names)) out += "# disabled by reprieve: ";
    out += line;
    out += '\n';
  });
  return out;
}

std::vector<std::string> stale_recovery_settings() {
  return {"recovery_target*",     "restore_command",         "recovery_end_command",
          "primary_conninfo",     "primary_slot_name",       "archive_cleanup_command",
          "promote_trigger_file", "recovery_min_apply_delay"};
}

Result<std::vector<Setting>> recovery_settings(const ClusterRestoreOptions& options,
                                               const std::string& staged) {
  std::vector<Setting> settings = {
      {"restore_command", staged_restore_command(options.program, staged)},
      {"recovery_end_command", staged_end_command(options.program, staged)},
      {"recovery_target_timeline", options.more_wal == nullptr
                                       ? "current"
                                       : std::to_string(options.more_wal->legs().back().timeline)}};
  if (options.target) {
    REPRIEVE_TRY(settings.emplace_back(), target_setting(*options.target));
    const auto kind = options.target->kind;
    if (kind == RecoveryTarget::Kind::kTime || kind == RecoveryTarget::Kind::kLsn ||
        kind == RecoveryTarget::Kind::kTransaction)
      settings.emplace_back("recovery_target_inclusive",
                            options.target->is_inclusive ? "true" : "false");
    settings.emplace_back("recovery_target_action",
                          options.end == RecoveryEnd::kPromote ? "promote" : "pause");
  }
  if (options.purpose == ClusterPurpose::kDrill)
    for (const char* name :
         {"archive_command", "primary_conninfo", "primary_slot_name", "synchronous_standby_names"})
      settings.emplace_back(name, "");
  if (options.purpose == ClusterPurpose::kDrill) settings.emplace_back("archive_mode", "off");
  return settings;
}

}  // namespace reprieve
