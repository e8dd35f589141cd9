#pragma once

#include <chrono>
#include <memory>
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
  ByteView body = {};                           ///< Not with GET or HEAD. Outlives the exchange.
  Duration timeout = std::chrono::seconds{30};  ///< Of the whole exchange; zero is none.
  /// Ends an exchange in which less than one byte a second moves for so long, in whole seconds;
  /// zero is none.
  Duration stall_timeout = {};
  std::size_t body_bytes_max = 1 << 20;  ///< Kept of the answer.
  std::string ca_file = {};              ///< Trusted instead of the system's.
  int redirects_max = 0;                 ///< A redirect is an answer like others.
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

/// Exchanges like http(), over connections that stay open between them: as many as there are
/// exchanges at the same time. Thread-safe.
class HttpClient {
 public:
  HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();
  Result<HttpResponse> send(const HttpRequest& request);

 private:
  struct Pool;
  const std::unique_ptr<Pool> pool_;
};

/// `url` without credentials, query and fragment; for messages.
std::string without_secrets(const std::string& url);

}  // namespace reprieve::io
