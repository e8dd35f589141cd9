#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "io/http.hpp"
#include "storage/rate_limit.hpp"
#include "storage/s3/credentials.hpp"
#include "storage/s3/location.hpp"
#include "storage/s3/uri.hpp"

namespace reprieve::s3 {

/// One request to a bucket.
struct Call {
  std::string method;
  std::string key = {};  ///< In the bucket, the prefix included; empty for the bucket itself.
  Parameters query = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< Names in lower case.
  ByteView body = {};
  std::size_t answer_bytes_max = 64 * 1024;  ///< Of an answer that is no refusal.
};

struct ClientOptions {
  Location location;
  Credentials credentials;
  std::string region;
  std::string ca_file;  ///< Trusted instead of the system's; may be empty.
  Clock* clock = &system_clock();
  const CancelToken* cancel = nullptr;
  Duration stall_timeout = std::chrono::seconds{60};
};

/// Signs and sends requests, many at the same time, within the limits of the location's rates.
class Client {
 public:
  explicit Client(ClientOptions options);

  /// Any answer is success, whatever its status. Errors: kTransient; kDenied if the certificate is
  /// not trusted; kCancelled.
  Result<io::HttpResponse> send(const Call& call);

  /// What an answer that is no success means to the caller.
  [[nodiscard]] Error refused(const Call& call, const io::HttpResponse& answer) const;

  [[nodiscard]] const Location& location() const { return options_.location; }

 private:
  [[nodiscard]] io::HttpRequest signed_request(const Call& call) const;

  const ClientOptions options_;
  const Address address_;
  io::HttpClient http_;
  RateLimit up_;
  RateLimit down_;
};

/// How far the store's clock is ahead of `now`, by the answer's Date; nothing without one.
std::optional<Duration> clock_skew(const io::HttpResponse& answer, Instant now);

}  // namespace reprieve::s3
