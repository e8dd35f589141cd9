#include <fcntl.h>

#include <map>
#include <utility>

#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "recovery/check.hpp"
#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

constexpr ByteCount kHistoryMax{64UL << 20U};

/// Since when each check has been failing, at the end of the history.
std::map<std::string, Instant> failing_since(ByteView history) {
  std::map<std::string, Instant> since;
  std::string_view rest = as_text(history);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const auto json = parse_json(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!json) continue;
    const std::string check = text_of(*json, "check");
    const auto at = time_of(*json, "at");
    if (check.empty() || !at) continue;
    if (text_of(*json, "verdict") == "ok")
      since.erase(check);
    else
      since.emplace(check, *at);
  }
  return since;
}

Result<Bytes> read_history(const std::string& state_dir) {
  auto bytes = io::read_file(check_history_path(state_dir), kHistoryMax);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return Bytes{};
  return bytes;
}

}  // namespace

std::string check_history_path(const std::string& state_dir) {
  return state_dir + "/checks.jsonl";
}

Result<> record_checks(const std::string& state_dir, std::span<const CheckResult> results) {
  REPRIEVE_TRY(const Bytes history, read_history(state_dir));
  const auto failing = failing_since(history);
  std::string lines;
  for (const CheckResult& result : results) {
    const bool is_ok = result.verdict == CheckResult::Verdict::kOk;
    if (!is_ok || failing.contains(result.check)) lines += to_text(to_json(result)) + "\n";
  }
  if (lines.empty()) return kOk;
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(state_dir));
  REPRIEVE_TRY(const io::FileHandle file,
               io::open_file(check_history_path(state_dir), O_WRONLY | O_CREAT | O_APPEND));
  REPRIEVE_RETURN_IF_ERROR(io::write_all(file, as_bytes(lines)));
  return io::sync_data(file);
}

std::optional<FirstFailure> first_failure(ByteView history) {
  std::optional<FirstFailure> first;
  for (const auto& [check, at] : failing_since(history))
    if (!first || at < first->at) first = FirstFailure{.check = check, .at = at};
  return first;
}

Result<std::optional<FirstFailure>> read_first_failure(const std::string& state_dir) {
  REPRIEVE_TRY(const Bytes history, read_history(state_dir));
  return first_failure(history);
}

}  // namespace reprieve::recovery
