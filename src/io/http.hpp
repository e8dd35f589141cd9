#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace reprieve::io {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< http or https.
  std::vector<std::pair<std::string, std::string>> headers = {};
  Bytes body = {};                              ///< Not with GET or HEAD.
  Duration timeout = std::chrono::seconds{30};  ///< Of the whole exchange.
  std::size_t body_bytes_max = 1 << 20;         ///< Kept of the answer.
  std::string ca_file = {};                     ///< Trusted instead of the system's.
  int redirects_max = 0;                        ///< A redirect is an answer like others.
  const CancelToken* cancel = nullptr;
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.
  Bytes body;
  bool is_truncated = false;  ///< There was more than body_bytes_max; the rest was not fetched.
  Duration elapsed{};
  /// Empty if there is none. `name` in lower case.
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// One exchange. Any answer is success, whatever its status. TLS certificates are always checked.
/// Thread-safe. Errors: kTransient (no answer, reset, timeout, unknown host); kDenied if the peer's
/// certificate is not trusted; kInvalid for a bad URL; kCancelled. Their texts never have the URL's
/// credentials or query.
Result<HttpResponse> http(const HttpRequest& request);

/// `url` without credentials, query and fragment; for messages.
std::string without_secrets(const std::string& url);

}  // namespace reprieve::io
