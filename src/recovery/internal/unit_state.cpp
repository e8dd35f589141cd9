#include "recovery/internal/unit_state.hpp"

#include <fmt/format.h>

namespace reprieve::recovery {
namespace {

/// From here on an exit code speaks of the command itself: 124 time up, 126 and 127 not executed
/// (POSIX shell, 2.8.2), above 128 ended by a signal.
constexpr int kFirstCodeOfTheCommand = 124;

std::string_view value_of(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    if (line.starts_with(name) && line.substr(name.size()).starts_with('='))
      return line.substr(name.size() + 1);
    if (end == lines.npos) break;
    lines.remove_prefix(end + 1);
  }
  return {};
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::vector<std::string> unit_state_call(const std::string& unit) {
  return {"systemctl", "show", "--property=LoadState", "--property=ActiveState", unit};
}

Result<bool> is_unit_running(const std::string& unit, const ShortResult& answer) {
  const std::string_view loaded = value_of(answer.output, "LoadState");
  const std::string_view active = value_of(answer.output, "ActiveState");
  if (answer.exit_code != 0 || loaded.empty() || active.empty())
    return Error{ErrorKind::kTransient,
                 fmt::format("systemctl does not say how {} is: exit code {}: {}", unit,
                             answer.exit_code, first_line(answer.output)),
                 "Try `systemctl status` by hand; then resume the run."};
  if (loaded == "not-found")
    return Error{ErrorKind::kNotFound, fmt::format("systemd has no unit {}", unit),
                 "Install the unit, or correct its name in the plan."};
  if (loaded != "loaded")
    return Error{ErrorKind::kInvalid, fmt::format("the unit {} is {}", unit, loaded),
                 "`systemctl status` says why; then resume the run."};
  return active != "inactive" && active != "failed";
}

Result<bool> is_status_running(const std::string& service, const ShortResult& answer) {
  if (answer.exit_code < kFirstCodeOfTheCommand) return answer.exit_code == 0;
  return Error{
      ErrorKind::kTransient,
      fmt::format("the status command of {} does not say whether it runs: exit code {}: {}",
                  service, answer.exit_code, first_line(answer.output)),
      "Try the command by hand, mend it in the plan or on the host; then resume the run."};
}

}  // namespace reprieve::recovery
