#include "storage/s3/credentials.hpp"

#include "base/strong.hpp"
#include "io/file.hpp"

namespace reprieve::s3 {
namespace {

constexpr ByteCount kFileMax{1024 * 1024};
constexpr std::string_view kBlank = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

/// The name in "[NAME]" or "[profile NAME]".
std::string_view section_of(std::string_view line) {
  constexpr std::string_view kProfile = "profile ";
  line = trimmed(line.substr(1, line.size() - 2));
  return line.starts_with(kProfile) ? trimmed(line.substr(kProfile.size())) : line;
}

void take(Profile& profile, std::string_view key, std::string_view value) {
  if (key == "aws_access_key_id") profile.credentials.access_key = value;
  if (key == "aws_secret_access_key")
    profile.credentials.secret_key = Secret::copy_of(as_bytes(value));
  if (key == "aws_session_token")
    profile.credentials.session_token = Secret::copy_of(as_bytes(value));
  if (key == "region") profile.region = value;
}

/// Adds what a file says to what is known; an absent file says nothing. True if it has the section.
Result<bool> add_file(Profile& known, const std::string& path, const std::string& name) {
  auto bytes = io::read_file(path, kFileMax);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return false;
  if (!bytes) return std::move(bytes).error().at("read AWS profiles");
  auto found = parse_profile(*bytes, name);
  if (!found) return std::move(found).error().at(path);
  if (!found->has_value()) return false;
  Profile& said = **found;
  if (known.region.empty()) known.region = std::move(said.region);
  if (known.credentials.secret_key.empty()) known.credentials = std::move(said.credentials);
  return true;
}

std::string file_path(const Environment& environment, const char* variable, const char* name) {
  std::string path = environment(variable);
  return path.empty() ? environment("HOME") + "/.aws/" + name : path;
}

Credentials from_environment(const Environment& environment) {
  return {environment("AWS_ACCESS_KEY_ID"),
          Secret::copy_of(as_bytes(environment("AWS_SECRET_ACCESS_KEY"))),
          Secret::copy_of(as_bytes(environment("AWS_SESSION_TOKEN")))};
}

}  // namespace

Result<std::optional<Profile>> parse_profile(ByteView file, std::string_view name) {
  std::optional<Profile> found;
  bool is_inside = false;
  std::size_t number = 0;
  for (std::string_view rest = as_text(file); !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string_view whole = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    ++number;
    const std::string_view line = trimmed(whole);
    // An indented line belongs to a nested setting ("s3 =" and what is below it).
    if (line.empty() || line[0] == '#' || line[0] == ';' || kBlank.find(whole[0]) != kBlank.npos)
      continue;
    if (line.size() > 2 && line.front() == '[' && line.back() == ']') {
      is_inside = section_of(line) == name;
      if (is_inside && !found) found.emplace();
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
      return Error{ErrorKind::kInvalid, "line " + std::to_string(number) + " is no setting",
                   "Write the file as `aws configure` does: [PROFILE], then KEY = VALUE."};
    if (is_inside) take(*found, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
  }
  return found;
}

Result<Profile> find_profile(const std::string& profile, const Environment& environment) {
  Profile known;
  known.region = environment("AWS_REGION");
  if (known.region.empty()) known.region = environment("AWS_DEFAULT_REGION");
  if (profile.empty()) known.credentials = from_environment(environment);
  const bool is_from_environment =
      !known.credentials.access_key.empty() && !known.credentials.secret_key.empty();
  if (!is_from_environment) known.credentials = {};

  std::string name = profile.empty() ? environment("AWS_PROFILE") : profile;
  const bool is_named = !name.empty() && !is_from_environment;
  if (name.empty()) name = "default";
  REPRIEVE_TRY(
      const bool has_credentials,
      add_file(known, file_path(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), name));
  REPRIEVE_TRY(const bool has_config,
               add_file(known, file_path(environment, "AWS_CONFIG_FILE", "config"), name));
  if (is_named && !has_credentials && !has_config)
    return Error{ErrorKind::kNotFound, "there is no AWS profile " + name,
                 "Make it with `aws configure --profile " + name + "`, or name another."};
  if (!known.credentials.access_key.empty() && !known.credentials.secret_key.empty()) return known;
  return Error{ErrorKind::kDenied, "there are no S3 credentials",
               "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, keep a profile in "
               "~/.aws/credentials, or name `access_key` and `secret_key` in the plan's storage."};
}

}  // namespace reprieve::s3
