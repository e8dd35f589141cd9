#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/secret.hpp"

namespace reprieve::s3 {

/// Who asks. The access key names the account and is sent in the clear; the others are secret.
struct Credentials {
  std::string access_key;
  Secret secret_key;
  Secret session_token;  ///< Of temporary credentials; else empty.
};

/// What a section of AWS's two files says; empty members were not said.
struct Profile {
  Credentials credentials;
  std::string region;
};

/// The section `name` of a file in the format of ~/.aws/credentials and ~/.aws/config, whose
/// sections are called [NAME] and [profile NAME]; nothing if there is none. Keys that we do not use
/// are passed over. Errors: kInvalid for a line that is none, named by its number and never shown.
Result<std::optional<Profile>> parse_profile(ByteView file, std::string_view name);

/// Looks up an environment variable; empty if it is not set.
using Environment = std::function<std::string(const std::string& variable)>;

/// Fills what `profile`, AWS_PROFILE, the environment and the files say, as AWS's own tools do: a
/// profile that was named by the caller comes before AWS_ACCESS_KEY_ID, this before AWS_PROFILE and
/// the profile "default". The region is that of AWS_REGION, AWS_DEFAULT_REGION or the profile; it
/// may stay empty. Errors: kDenied if there are no credentials (the hint says where they are looked
/// for); kInvalid for a malformed file; kNotFound if a named profile is not there.
Result<Profile> find_profile(const std::string& profile, const Environment& environment);

}  // namespace reprieve::s3
