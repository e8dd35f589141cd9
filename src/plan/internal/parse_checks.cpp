#include <array>
#include <charconv>

#include "base/format.hpp"
#include "plan/internal/sections.hpp"

/// The section checks.
namespace reprieve::plan {
namespace {

constexpr Duration kTimeoutDefault = std::chrono::seconds{10};
constexpr Duration kEveryDefault = std::chrono::seconds{2};

HttpCheck parse_http(const Value& url, Fields& fields) {
  HttpCheck check;
  const std::string wanted = "a URL such as https://example.org/health";
  if (const auto text = url.text(wanted)) {
    check.url = *text;
    const std::size_t scheme_end = text->find("://");
    const std::string_view scheme = std::string_view{*text}.substr(0, scheme_end);
    const bool is_url = scheme_end != text->npos && text->size() > scheme_end + 3 &&
                        (scheme == "http" || scheme == "https") && text->find(' ') == text->npos;
    if (!is_url) url.expected(wanted);
  }
  if (const auto status = fields.find("status"))
    check.status = status->integer_as<std::uint16_t>(100, 599).value_or(check.status);
  fields.text("contains", check.contains);
  if (const auto json = fields.find("json")) {
    if (!json->is_mapping()) json->expected("a mapping of paths to values");
    for (const MappingEntry& entry : json->node().entries) {
      const Value value{entry.value, json->path() + "." + entry.key, json->problems()};
      if (auto scalar = value.scalar()) check.json.emplace_back(entry.key, *std::move(scalar));
    }
  }
  fields.duration("under", check.under);
  return check;
}

TcpCheck parse_tcp(const Value& address) {
  TcpCheck check;
  const std::string wanted = "an address such as \"host:5432\"";
  const auto text = address.text(wanted);
  if (!text) return check;
  const std::size_t colon = text->rfind(':');
  if (colon != text->npos) {
    std::string_view host = std::string_view{*text}.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const char* end = text->data() + text->size();
    const auto [stopped, error] = std::from_chars(text->data() + colon + 1, end, check.port);
    check.host = host;
    if (error == std::errc{} && stopped == end && check.port > 0 && !host.empty()) return check;
  }
  address.expected(wanted);
  return check;
}

bool is_number(const Scalar& scalar) {
  return std::holds_alternative<std::int64_t>(scalar) || std::holds_alternative<double>(scalar);
}

void parse_want(const Value& value, SqlCheck& check) {
  using Compare = SqlCheck::Compare;
  if (value.is_scalar()) {
    check.compare = Compare::kEquals;
    check.want = value.scalar().value_or(Scalar{});
    return;
  }
  const std::string wanted =
      "a value, or one of {equals: V}, {not_equals: V}, {at_least: N}, "
      "{at_most: N}";
  constexpr std::array<std::pair<std::string_view, Compare>, 4> kComparisons = {{
      {"equals", Compare::kEquals},
      {"not_equals", Compare::kNotEquals},
      {"at_least", Compare::kAtLeast},
      {"at_most", Compare::kAtMost},
  }};
  Fields fields{value, wanted};
  for (const auto& [key, compare] : kComparisons) {
    const auto field = fields.find(key);
    const auto scalar = field ? field->scalar() : std::nullopt;
    if (!scalar) continue;
    check.compare = compare;
    check.want = *scalar;
    const bool needs_number = compare == Compare::kAtLeast || compare == Compare::kAtMost;
    if (needs_number && !is_number(*scalar)) field->expected("a number");
  }
  fields.finish();
  if (value.is_mapping() && value.node().entries.size() != 1) value.expected(wanted);
}

std::string parse_url(const Value& url) {
  PostgresSource address;
  parse_postgres_url(url, address);
  return address.url;
}

SqlCheck parse_sql(const Value& statement, Fields& fields) {
  SqlCheck check;
  check.statement = statement.text("an SQL statement").value_or("");
  const auto source = fields.find("source");
  const auto url = fields.find("url");
  if (source.has_value() == url.has_value())
    fields.value().fail("an sql check needs exactly one of `source` and `url`",
                        "Write source: NAME of a postgres source.");
  else if (source)
    check.source = source->name("the name of a source");
  else
    check.url = parse_url(*url);
  if (const auto want = fields.find("want")) parse_want(*want, check);
  return check;
}

FileCheck parse_file(const Value& path, Fields& fields) {
  FileCheck check;
  check.path = parse_absolute_path(path).value_or("");
  fields.boolean("exists", check.exists);
  if (const auto size = fields.find("min_size")) check.min_size = size->size();
  fields.text("contains", check.contains);
  if (const auto sha256 = fields.find("sha256")) {
    const auto text = sha256->text("64 hexadecimal digits in quotes");
    const auto bytes = text ? from_hex(*text) : std::optional<Bytes>{};
    if (bytes && bytes->size() == 32)
      check.sha256 = to_hex(*bytes);
    else if (text)
      sha256->expected("64 hexadecimal digits");
  }
  if (!check.exists && (check.min_size || !check.contains.empty() || !check.sha256.empty()))
    fields.value().fail("a file that must not exist has no size and no content",
                        "Remove `exists: false`, or the other conditions.");
  return check;
}

ArgvCheck parse_argv(const Value& argv, Fields& fields) {
  ArgvCheck check;
  check.argv = argv.argv();
  if (const auto exit = fields.find("exit"))
    check.exit = exit->integer_as<std::uint8_t>(0, 255).value_or(std::uint8_t{0});
  fields.text("contains", check.contains);
  return check;
}

bool parse_check(const Value& value, Check& check) {
  Fields fields{value, "a check, such as {tcp: \"db:5432\"}"};
  const auto http = fields.find("http");
  const auto tcp = fields.find("tcp");
  const auto sql = fields.find("sql");
  const auto file = fields.find("file");
  const auto argv = fields.find("argv");
  const int kinds = int{http.has_value()} + int{tcp.has_value()} + int{sql.has_value()} +
                    int{file.has_value()} + int{argv.has_value()};
  constexpr std::array<std::string_view, 5> kLater = {"script", "prom", "builtin", "cleanup",
                                                      "drill"};
  if (kinds == 1) {
    if (http) check.kind = parse_http(*http, fields);
    if (tcp) check.kind = parse_tcp(*tcp);
    if (sql) check.kind = parse_sql(*sql, fields);
    if (file) check.kind = parse_file(*file, fields);
    if (argv) check.kind = parse_argv(*argv, fields);
  } else if (value.is_mapping()) {
    value.fail("needs exactly one of `http`, `tcp`, `sql`, `file` and `argv`",
               "One entry checks one thing: write another entry for the other.");
  }
  check.timeout = kTimeoutDefault;
  check.every = kEveryDefault;
  if (const auto timeout = fields.find("timeout"))
    check.timeout = timeout->duration_above_zero().value_or(check.timeout);
  if (const auto tries = fields.find("tries"))
    check.tries = tries->integer_as<std::uint32_t>(1, 1000).value_or(check.tries);
  fields.duration("every", check.every);
  fields.duration("stable", check.stable);
  // Without its kind, which keys belong to it is not known.
  if (kinds == 1) fields.finish(kLater);
  return kinds == 1;
}

}  // namespace

void parse_checks(const Value& section, Draft& draft) {
  if (!section.is_mapping()) draft.doubtful.insert("checks");
  for (const auto& [name, value] : entries_of(section, "a mapping of checks")) {
    Check check;
    check.name = name.text;
    check.at = name.at;
    if (!parse_check(value, check)) draft.doubtful.insert("checks." + name.text);
    draft.plan.checks.push_back(std::move(check));
  }
}

}  // namespace reprieve::plan
