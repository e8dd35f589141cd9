#include <algorithm>
#include <charconv>

#include "base/format.hpp"
#include "plan/internal/sections.hpp"

namespace reprieve::plan {
namespace {

/// Takes what stands before `until`, and `until` itself, off `rest`.
std::string_view take_until(std::string_view& rest, char until) {
  const std::size_t end = std::min(rest.find(until), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  if (text.empty()) return true;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, port);
  return error == std::errc{} && stopped == end && port > 0;
}

/// host, host:port, [address]:port.
bool parse_host_and_port(std::string_view text, PostgresSource& source) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return false;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return false;
    port.remove_prefix(port.empty() ? 0 : 1);
  } else if (const std::size_t colon = text.find(':'); colon != text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  source.host = host;
  return parse_port(port, source.port);
}

constexpr std::string_view kWanted = "a URL such as postgres://user@host:5432/database";

}  // namespace

void parse_postgres_url(const Value& value, PostgresSource& source) {
  const auto text = value.text(kWanted);
  if (!text) return;
  std::string_view rest = *text;
  const auto refuse = [&](std::string_view what) {
    value.fail(what, fmt::format("Write {}.", kWanted));
  };
  if (rest.starts_with("postgres://"))
    rest.remove_prefix(11);
  else if (rest.starts_with("postgresql://"))
    rest.remove_prefix(13);
  else
    return refuse("the URL does not begin with postgres://");
  std::string_view parameters = rest;
  rest = take_until(parameters, '?');
  std::string_view database = rest;
  std::string_view authority = take_until(database, '/');
  const std::size_t at_sign = authority.rfind('@');
  if (at_sign == authority.npos || at_sign == 0) return refuse("the URL names no user");
  const std::string_view user = authority.substr(0, at_sign);
  if (user.find(':') != user.npos || parameters.find("password=") != parameters.npos)
    return value.fail("a password must not stand in the URL",
                      "Write password: NAME, where NAME is an entry of the secrets section.");
  if (!parse_host_and_port(authority.substr(at_sign + 1), source))
    return refuse("the URL's host and port cannot be read");
  while (!parameters.empty()) {
    const std::string_view parameter = take_until(parameters, '&');
    if (parameter.starts_with("host=")) source.host = parameter.substr(5);
  }
  if (source.host.empty()) return refuse("the URL names no host");
  if (database.empty()) return refuse("the URL names no database");
  source.user = user;
  source.database = database;
  source.url = *text;
}

}  // namespace reprieve::plan
