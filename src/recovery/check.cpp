#include "recovery/check.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/format.hpp"
#include "crypto/crypto.hpp"
#include "io/file.hpp"
#include "io/http.hpp"
#include "io/process.hpp"
#include "io/tcp.hpp"
#include "recovery/internal/check_sql.hpp"
#include "recovery/record.hpp"
#include "recovery/values.hpp"

namespace reprieve::recovery {
namespace {

constexpr std::size_t kBodyMax = 4UL << 20U;
constexpr ByteCount kHashedFileMax{1ULL << 30U};

struct Prober {
  const CheckEnvironment& environment;
  const plan::Check& check;
  CheckResult& result;

  void fail(std::string text) const {
    result.verdict = CheckResult::Verdict::kFailed;
    if (result.text.empty()) result.text = std::move(text);
  }
  void error(const Error& error) const {
    result.verdict = CheckResult::Verdict::kError;
    result.text = error.what;
  }

  void operator()(const plan::HttpCheck& http) const;
  void operator()(const plan::TcpCheck& tcp) const;
  void operator()(const plan::SqlCheck& sql) const;
  void operator()(const plan::FileCheck& file) const;
  void operator()(const plan::ArgvCheck& argv) const;
};

/// The member that a path such as "db.state" or "nodes.0.up" leads to.
const Json* member_at(const Json& root, std::string_view path) {
  const Json* at = &root;
  while (!path.empty()) {
    const std::string word{path.substr(0, path.find('.'))};
    path.remove_prefix(std::min(word.size() + 1, path.size()));
    if (at->is_object()) {
      const auto it = at->find(word);
      if (it == at->end()) return nullptr;
      at = &*it;
    } else if (at->is_array()) {
      std::size_t index = 0;
      const auto parsed = std::from_chars(word.data(), word.data() + word.size(), index);
      if (parsed.ec != std::errc{} || index >= at->size()) return nullptr;
      at = &(*at)[index];
    } else {
      return nullptr;
    }
  }
  return at;
}

bool equals(const Json& json, const plan::Scalar& want) {
  if (std::holds_alternative<std::monostate>(want)) return json.is_null();
  if (const auto* const flag = std::get_if<bool>(&want)) return json == *flag;
  if (const auto* const integer = std::get_if<std::int64_t>(&want)) return json == *integer;
  if (const auto* const number = std::get_if<double>(&want)) return json == *number;
  return json == std::get<std::string>(want);
}

void check_body(const Prober& prober, const plan::HttpCheck& http, std::string_view body) {
  if (!http.contains.empty() && body.find(http.contains) == std::string_view::npos)
    prober.fail(fmt::format("the answer does not contain \"{}\"", http.contains));
  if (http.json.empty()) return;
  const auto json = parse_json(body);
  if (!json) return prober.fail("the answer is no JSON");
  for (const auto& [path, want] : http.json) {
    const Json* const got = member_at(*json, path);
    if (got == nullptr)
      prober.fail(fmt::format("the answer has no {}", path));
    else if (!equals(*got, want))
      prober.fail(fmt::format("{} is {}, not {}", path, to_text(*got), scalar_text(want)));
  }
}

void Prober::operator()(const plan::HttpCheck& http) const {
  const auto response =
      io::http({.url = http.url, .timeout = check.timeout, .body_bytes_max = kBodyMax});
  if (!response) {
    // Nobody answering is what the check is about; a bad address is a mistake of the plan.
    const bool is_mistake = response.error().kind == ErrorKind::kInvalid;
    return is_mistake ? error(response.error()) : fail(response.error().what);
  }
  result.measured = fmt::format("{} in {}", response->status, format_duration(response->elapsed));
  if (response->status != http.status)
    fail(fmt::format("status {}, not {}", response->status, http.status));
  if (http.under && response->elapsed > *http.under)
    fail(fmt::format("took {}, over {}", format_duration(response->elapsed),
                     format_duration(*http.under)));
  check_body(*this, http, as_text(response->body));
}

void Prober::operator()(const plan::TcpCheck& tcp) const {
  const auto took = io::check_tcp(tcp.host, tcp.port, check.timeout, environment.clock);
  if (!took) return fail(took.error().what);
  result.measured = "connected in " + format_duration(*took);
}

void Prober::operator()(const plan::SqlCheck& sql) const {
  const auto answer = query_first_value(environment, sql, check.timeout);
  if (!answer) {
    const bool is_mistake = answer.error().kind == ErrorKind::kInvalid;
    return is_mistake ? error(answer.error()) : fail(answer.error().what);
  }
  result.measured = answer->value_or("null");
  if (!is_as_wanted(sql.compare, sql.want, *answer))
    fail(fmt::format("{} is not as wanted ({})", result.measured, scalar_text(sql.want)));
}

void Prober::operator()(const plan::FileCheck& file) const {
  const std::string path = absolute_path(environment.plan_dir, file.path);
  const bool exists = io::exists(path);
  result.measured = exists ? "is there" : "is not there";
  if (exists != file.exists) return fail(fmt::format("{} {}", path, result.measured));
  if (!exists) return;
  const auto size = io::file_size(path);
  if (!size) return error(size.error());
  result.measured = format_size(size->value);
  if (file.min_size && *size < *file.min_size)
    fail(fmt::format("has {}, less than {}", result.measured, format_size(file.min_size->value)));
  if (file.contains.empty() && file.sha256.empty()) return;
  const auto bytes = io::read_file(path, kHashedFileMax);
  if (!bytes) return error(bytes.error());
  if (!file.contains.empty() && as_text(*bytes).find(file.contains) == std::string_view::npos)
    fail(fmt::format("does not contain \"{}\"", file.contains));
  if (!file.sha256.empty() && to_hex(crypto::sha256(*bytes)) != file.sha256)
    fail("its SHA-256 is not the wanted one");
}

void Prober::operator()(const plan::ArgvCheck& argv) const {
  const auto done = io::run({.argv = argv.argv, .folder = environment.plan_dir},
                            {.timeout = check.timeout}, environment.clock);
  if (!done) return error(done.error());
  result.measured = done->text();
  if (done->ending != io::Ending::kExited || done->status.signal != 0 ||
      done->status.code != argv.exit)
    fail(fmt::format("{}, not exit code {}", done->text(), argv.exit));
  if (!argv.contains.empty() && done->out.find(argv.contains) == std::string::npos)
    fail(fmt::format("its output does not contain \"{}\"", argv.contains));
}

std::optional<double> number_in_text(std::string_view text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> number_of(const plan::Scalar& scalar) {
  if (const auto* const integer = std::get_if<std::int64_t>(&scalar))
    return static_cast<double>(*integer);
  if (const auto* const number = std::get_if<double>(&scalar)) return *number;
  return std::nullopt;
}

bool is_equal(const plan::Scalar& want, const std::optional<std::string>& got) {
  if (std::holds_alternative<std::monostate>(want)) return !got;
  if (!got) return false;
  if (const auto* const flag = std::get_if<bool>(&want))
    return *got == (*flag ? "t" : "f") || *got == (*flag ? "true" : "false");
  if (const auto number = number_of(want)) return number_in_text(*got) == number;
  return *got == std::get<std::string>(want);
}

}  // namespace

std::string_view name_of(CheckResult::Verdict verdict) {
  switch (verdict) {
    case CheckResult::Verdict::kOk:
      return "ok";
    case CheckResult::Verdict::kFailed:
      return "failed";
    case CheckResult::Verdict::kError:
      break;
  }
  return "error";
}

CheckResult try_check(const CheckEnvironment& environment, const plan::Check& check) {
  CheckResult result{.check = check.name,
                     .verdict = CheckResult::Verdict::kOk,
                     .measured = {},
                     .text = {},
                     .at = environment.clock.now()};
  const Duration began = environment.clock.uptime();
  std::visit(Prober{.environment = environment, .check = check, .result = result}, check.kind);
  result.took = environment.clock.uptime() - began;
  return result;
}

CheckResult run_check(const CheckEnvironment& environment, const plan::Check& check) {
  std::optional<Duration> green_since;
  CheckResult result;
  for (std::uint32_t tries = 1;; ++tries) {
    result = try_check(environment, check);
    const Duration now = environment.clock.uptime();
    if (result.verdict == CheckResult::Verdict::kOk) {
      if (!green_since) green_since = now;
      if (now - *green_since >= check.stable) return result;
    } else {
      green_since.reset();
      if (tries >= check.tries) return result;
    }
    environment.clock.sleep_for(check.every);
  }
}

bool is_as_wanted(plan::SqlCheck::Compare compare, const plan::Scalar& want,
                  const std::optional<std::string>& got) {
  using Compare = plan::SqlCheck::Compare;
  switch (compare) {
    case Compare::kSucceeds:
      return true;
    case Compare::kEquals:
      return is_equal(want, got);
    case Compare::kNotEquals:
      return !is_equal(want, got);
    case Compare::kAtLeast:
    case Compare::kAtMost:
      break;
  }
  const auto limit = number_of(want);
  const auto number = got ? number_in_text(*got) : std::nullopt;
  if (!limit || !number) return false;
  return compare == Compare::kAtLeast ? *number >= *limit : *number <= *limit;
}

std::string scalar_text(const plan::Scalar& scalar) {
  if (std::holds_alternative<std::monostate>(scalar)) return "null";
  if (const auto* const flag = std::get_if<bool>(&scalar)) return *flag ? "true" : "false";
  if (const auto* const integer = std::get_if<std::int64_t>(&scalar))
    return std::to_string(*integer);
  if (const auto* const number = std::get_if<double>(&scalar)) return fmt::format("{}", *number);
  return std::get<std::string>(scalar);
}

std::string describe(const CheckResult& result) {
  std::string text = fmt::format("{}: {}", result.check, name_of(result.verdict));
  if (!result.measured.empty()) text += ", " + result.measured;
  if (!result.text.empty()) text += ": " + result.text;
  return text;
}

Json to_json(const CheckResult& result) {
  return Json{{"check", result.check},          {"verdict", name_of(result.verdict)},
              {"measured", result.measured},    {"text", result.text},
              {"took_ns", result.took.count()}, {"at", format_rfc3339(result.at)}};
}

}  // namespace reprieve::recovery
