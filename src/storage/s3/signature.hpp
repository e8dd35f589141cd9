#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "storage/s3/credentials.hpp"
#include "storage/s3/uri.hpp"

namespace reprieve::s3 {

/// A request as AWS Signature Version 4 sees it.
struct Signable {
  std::string method;
  std::string path;  ///< Percent-encoded, as it is sent; begins with '/'.
  Parameters query;
  /// All are signed. Names in lower case, each once, "host" and "x-amz-date" among them.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body_sha256;  ///< Lower-case hexadecimal.
};

struct SigningScope {
  std::string region;
  std::string service = "s3";
};

/// "20150830T123600Z": the value of x-amz-date.
std::string format_amz_date(Instant now);

/// The value of the Authorization header. Pure: the same request, key and moment give the same.
std::string authorization(const Signable& request, const SigningScope& scope,
                          const Credentials& credentials, Instant now);

}  // namespace reprieve::s3
