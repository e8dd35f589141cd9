#include "storage/s3/location.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include "storage/s3/uri.hpp"

namespace reprieve::s3 {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::string_view kHelp =
    "Write s3://BUCKET/PREFIX?endpoint=https://HOST&region=NAME; credentials come from the "
    "environment, a profile or the plan's secrets.";

Error bad(std::string_view why) {
  return {ErrorKind::kInvalid, "storage URL: " + std::string{why}, std::string{kHelp}};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

bool consists_of(std::string_view text, const std::function<bool(char)>& allowed,
                 std::size_t chars_max) {
  return !text.empty() && text.size() <= chars_max && std::ranges::all_of(text, allowed);
}

bool is_bucket(std::string_view name) {
  return name.size() >= 3 && name.front() != '.' && name.front() != '-' && name.back() != '.' &&
         name.find("..") == std::string_view::npos &&
         consists_of(
             name, [](char c) { return is_lower(c) || is_digit(c) || c == '.' || c == '-'; }, 63);
}

bool is_prefix(std::string_view prefix) {
  if (prefix.size() > 512) return false;
  while (!prefix.empty()) {
    const std::size_t slash = prefix.find('/');
    const std::string_view segment = prefix.substr(0, slash);
    if (segment == "." || segment == ".." ||
        !consists_of(
            segment,
            [](char c) {
              return is_lower(c) || is_upper(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
            },
            255))
      return false;
    if (slash == std::string_view::npos) return true;
    prefix.remove_prefix(slash + 1);
    if (prefix.empty()) return false;
  }
  return true;
}

bool is_word(std::string_view text) {
  return consists_of(
      text,
      [](char c) {
        return is_lower(c) || is_upper(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
      },
      128);
}

bool is_endpoint(std::string_view text) {
  const std::size_t start = text.starts_with("https://")  ? 8
                            : text.starts_with("http://") ? 7
                                                          : std::string_view::npos;
  if (start == std::string_view::npos) return false;
  return consists_of(
      text.substr(start),
      [](char c) {
        return is_lower(c) || is_upper(c) || is_digit(c) || c == '-' || c == '.' || c == ':' ||
               c == '[' || c == ']';
      },
      255);
}

/// "500K", "20M", "1G": bytes per second, of 1024.
bool parse_rate(std::string_view text, std::uint64_t& rate) {
  constexpr std::string_view kUnits = "KMG";
  std::uint64_t unit = 1;
  if (!text.empty() && kUnits.find(text.back()) != std::string_view::npos) {
    unit <<= 10 * (kUnits.find(text.back()) + 1);
    text.remove_suffix(1);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc{} || end != text.data() + text.size() || rate == 0 || rate > 1U << 30U)
    return false;
  rate *= unit;
  return true;
}

/// "30d", "12h", "10s": one number and one unit, at most a hundred years.
bool parse_period(std::string_view text, Duration& period) {
  constexpr std::string_view kUnits = "smhdw";
  constexpr std::uint64_t kSeconds[] = {1, 60, 3600, 86'400, 604'800};
  constexpr std::uint64_t kSecondsMax = 100ULL * 366 * 86'400;
  const std::size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
  if (unit == std::string_view::npos) return false;
  text.remove_suffix(1);
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count == 0 ||
      count > kSecondsMax / kSeconds[unit])
    return false;
  period = std::chrono::seconds{count * kSeconds[unit]};
  return true;
}

/// What the two parameters of a lock say, each of which may come first.
struct LockWords {
  std::string mode;
  std::string period;
};

Result<std::optional<LockRule>> parse_lock(const LockWords& words) {
  if (words.mode.empty() && words.period.empty()) return std::optional<LockRule>{};
  LockRule rule;
  if (!parse_period(words.period, rule.period))
    return bad("lock is no period such as 30d, or lock_mode stands without it");
  if (words.mode != "compliance" && words.mode != "governance")
    return bad("lock needs lock_mode=compliance (nobody can remove it) or governance");
  if (words.mode == "governance") rule.mode = LockMode::kGovernance;
  return std::optional{rule};
}

Result<> take_parameter(Location& location, std::string_view name, const std::string& value) {
  const auto word = [&](std::string& member) -> Result<> {
    if (!is_word(value)) return bad(std::string{name} + " is no name");
    member = value;
    return kOk;
  };
  if (name == "region") return word(location.region);
  if (name == "profile") return word(location.profile);
  if (name == "class") return word(location.storage_class);
  if (name == "endpoint") {
    location.endpoint = value.ends_with('/') ? value.substr(0, value.size() - 1) : value;
    return is_endpoint(location.endpoint) ? Result<>{kOk}
                                          : bad("endpoint is no https:// or http:// URL of a host");
  }
  if (name == "style") {
    location.is_style_said = true;
    location.style = value == "path" ? Style::kPath : Style::kVirtual;
    return value == "path" || value == "virtual" ? Result<>{kOk} : bad("style is path or virtual");
  }
  if (name == "writers") {
    location.has_one_writer = value == "one";
    return value == "one" || value == "many" ? Result<>{kOk} : bad("writers is one or many");
  }
  if (name == "limit_up" || name == "limit_down") {
    const bool is_rate =
        parse_rate(value, name == "limit_up" ? location.limit_up : location.limit_down);
    return is_rate ? Result<>{kOk} : bad(std::string{name} + " is no rate such as 500K or 20M");
  }
  return bad(
      "unknown parameter; there are endpoint, region, profile, style, class, writers, limit_up, "
      "limit_down, lock and lock_mode");
}

}  // namespace

bool is_s3_url(std::string_view text) {
  return text.starts_with(kScheme);
}

std::string Location::describe() const {
  std::string out = std::string{kScheme} + bucket;
  if (!prefix.empty()) out += "/" + prefix;
  if (!endpoint.empty()) out += "?endpoint=" + endpoint;
  return out;
}

Result<Location> parse_location(std::string_view url) {
  if (!is_s3_url(url)) return bad("it does not begin with s3://");
  url.remove_prefix(kScheme.size());
  Location location;
  const std::size_t question = url.find('?');
  std::string_view query = question == std::string_view::npos ? "" : url.substr(question + 1);
  const std::string_view place = url.substr(0, question);
  const std::size_t slash = place.find('/');
  location.bucket = place.substr(0, slash);
  if (!is_bucket(location.bucket)) return bad("the bucket's name is not valid");
  std::string_view prefix = slash == std::string_view::npos ? "" : place.substr(slash + 1);
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (!is_prefix(prefix)) return bad("the prefix may have letters, digits, '.', '-', '_' and '/'");
  location.prefix = prefix;
  LockWords lock;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return bad("a parameter without a value");
    const auto value = uri_decode(pair.substr(equals + 1));
    if (!value) return bad("a broken percent escape");
    const std::string_view name = pair.substr(0, equals);
    if (name == "lock")
      lock.period = *value;
    else if (name == "lock_mode")
      lock.mode = *value;
    else
      REPRIEVE_RETURN_IF_ERROR(take_parameter(location, name, *value));
  }
  REPRIEVE_TRY(location.lock, parse_lock(lock));
  return location;
}

Address addressed(const Location& location, const std::string& region) {
  std::string endpoint = location.endpoint;
  const bool is_aws = endpoint.empty();
  if (is_aws)
    endpoint = "https://s3." + region + ".amazonaws.com" + (region.starts_with("cn-") ? ".cn" : "");
  const bool has_dot = location.bucket.find('.') != std::string::npos;
  Style style = is_aws && !has_dot ? Style::kVirtual : Style::kPath;
  if (location.is_style_said) style = location.style;

  const std::size_t host = endpoint.find("://") + 3;
  Address address{endpoint.substr(0, host), endpoint.substr(host), ""};
  const std::string own_port = address.scheme == "https://" ? ":443" : ":80";
  if (address.host.ends_with(own_port)) address.host.resize(address.host.size() - own_port.size());
  if (style == Style::kVirtual)
    address.host = location.bucket + "." + address.host;
  else
    address.path = "/" + location.bucket;
  return address;
}

}  // namespace reprieve::s3
