#include "storage/s3/client.hpp"

#include <algorithm>
#include <array>

#include "base/format.hpp"
#include "crypto/crypto.hpp"
#include "storage/s3/answer.hpp"
#include "storage/s3/signature.hpp"

namespace reprieve::s3 {
namespace {

/// What a code of S3 or, if that says nothing, an HTTP status means.
struct Meaning {
  std::string_view code;
  ErrorKind kind;
  std::string_view hint;
};

constexpr std::string_view kCheckKeys =
    "Check the access key and the secret key: they must belong to each other and to this endpoint.";
constexpr std::string_view kCheckClock =
    "Set this machine's clock (it must agree with the store's within 15 minutes), then try again.";

constexpr std::array kMeanings = {
    Meaning{"NoSuchBucket", ErrorKind::kNotFound,
            "Make the bucket, or correct its name or the endpoint in the storage's URL."},
    Meaning{"RequestTimeTooSkewed", ErrorKind::kDenied, kCheckClock},
    Meaning{"SignatureDoesNotMatch", ErrorKind::kDenied, kCheckKeys},
    Meaning{"InvalidAccessKeyId", ErrorKind::kDenied, kCheckKeys},
    Meaning{"ExpiredToken", ErrorKind::kDenied, "Get new temporary credentials."},
    Meaning{"InvalidToken", ErrorKind::kDenied, "Get new temporary credentials."},
    Meaning{"QuotaExceeded", ErrorKind::kExhausted, "Raise the quota or remove data."},
    Meaning{"EntityTooLarge", ErrorKind::kExhausted, ""},
    Meaning{"RequestTimeout", ErrorKind::kTransient, ""},
    Meaning{"IncompleteBody", ErrorKind::kTransient, ""},
    Meaning{"BadDigest", ErrorKind::kTransient, ""},
    Meaning{"XAmzContentSHA256Mismatch", ErrorKind::kTransient, ""},
    Meaning{"SlowDown", ErrorKind::kTransient, ""},
};

Meaning meaning_of(std::string_view code, int status) {
  for (const Meaning& known : kMeanings)
    if (known.code == code) return known;
  if (status == 401 || status == 403)
    return {code, ErrorKind::kDenied,
            "Allow this account to get, put, delete and list objects below the prefix."};
  if (status == 404) return {code, ErrorKind::kNotFound, ""};
  if (status == 301 || status == 307 || status == 308)
    return {code, ErrorKind::kInvalid,
            "The bucket lies in another region: name it with region= or endpoint= in the URL."};
  if (status == 507) return {code, ErrorKind::kExhausted, "Free space on the store."};
  const bool is_passing =
      status == 408 || status == 409 || status == 429 || (status >= 500 && status != 501);
  if (is_passing) return {code, ErrorKind::kTransient, ""};
  return {code, ErrorKind::kInvalid, "Check the storage's URL; this store may lack what we need."};
}

/// "Fri, 20 Nov 2026 14:49:07 GMT" (RFC 9110, section 5.6.7).
std::optional<Instant> parse_http_date(const std::string& text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29) return std::nullopt;
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  return parse_rfc3339(fmt::format("{}-{:02}-{}T{}Z", text.substr(12, 4), month / 3 + 1,
                                   text.substr(5, 2), text.substr(17, 8)));
}

}  // namespace

std::optional<Duration> clock_skew(const io::HttpResponse& answer, Instant now) {
  const auto theirs = parse_http_date(answer.header("date"));
  if (!theirs) return std::nullopt;
  return *theirs - now;
}

Client::Client(ClientOptions options)
    : options_{std::move(options)},
      address_{addressed(options_.location, options_.region)},
      up_{options_.location.limit_up, *options_.clock, options_.cancel},
      down_{options_.location.limit_down, *options_.clock, options_.cancel} {}

io::HttpRequest Client::signed_request(const Call& call) const {
  const Instant now = options_.clock->now();
  Signable signable{call.method, address_.path, call.query, call.headers,
                    to_hex(crypto::sha256(call.body))};
  signable.path = uri_encode(address_.path + "/" + call.key, Slash::kKept);
  signable.headers.emplace_back("host", address_.host);
  signable.headers.emplace_back("x-amz-content-sha256", signable.body_sha256);
  signable.headers.emplace_back("x-amz-date", format_amz_date(now));
  if (!options_.credentials.session_token.empty())
    signable.headers.emplace_back(
        "x-amz-security-token", std::string{as_text(options_.credentials.session_token.expose())});
  const std::string proof = authorization(signable, {options_.region}, options_.credentials, now);

  io::HttpRequest request{.method = call.method,
                          .url = address_.scheme + address_.host + signable.path};
  if (!call.query.empty()) request.url += "?" + canonical_query(call.query);
  request.headers = std::move(signable.headers);
  request.headers.emplace_back("authorization", proof);
  // Else libcurl calls our bytes a form.
  if (call.method == "PUT")
    request.headers.emplace_back("content-type", "application/octet-stream");
  request.body = call.body;
  request.timeout = {};  // A large object on a slow line takes its time; standing still ends it.
  request.stall_timeout = options_.stall_timeout;
  constexpr std::size_t kRefusalBytesMax = 64 * 1024;
  request.body_bytes_max = std::max(call.answer_bytes_max, kRefusalBytesMax);
  request.ca_file = options_.ca_file;
  request.cancel = options_.cancel;
  return request;
}

Result<io::HttpResponse> Client::send(const Call& call) {
  REPRIEVE_RETURN_IF_ERROR(up_.take(call.body.size()));
  auto answer = http_.send(signed_request(call));
  if (!answer && answer.error().kind == ErrorKind::kDenied)
    return std::move(answer).error().with_hint(
        "Install the certificate of the store's authority, or name its file with AWS_CA_BUNDLE.");
  if (!answer)
    return std::move(answer).error().with_hint(
        "Check the network and the endpoint in the storage's URL.");
  REPRIEVE_RETURN_IF_ERROR(down_.take(answer->body.size()));
  return answer;
}

Error Client::refused(const Call& call, const io::HttpResponse& answer) const {
  const Refusal refusal = parse_refusal(answer.body);
  const Meaning meaning = meaning_of(refusal.code, answer.status);
  Error error{
      meaning.kind,
      fmt::format("{} {}: the store says {}", call.method,
                  call.key.empty() ? "bucket " + options_.location.bucket : call.key,
                  refusal.code.empty() ? "HTTP " + std::to_string(answer.status) : refusal.code),
      std::string{meaning.hint}};
  if (!refusal.message.empty()) error.what += " (" + refusal.message + ")";
  if (refusal.code == "RequestTimeTooSkewed") {
    if (const auto skew = clock_skew(answer, options_.clock->now()))
      error.what += fmt::format("; its clock is {} {} ours",
                                format_duration(*skew < Duration{0} ? -*skew : *skew),
                                *skew < Duration{0} ? "behind" : "ahead of");
  }
  const std::string region = answer.header("x-amz-bucket-region");
  if (answer.status / 100 == 3 && !region.empty() && region.size() < 40)
    error.what += "; the bucket's region is " + region;
  if (call.method == "HEAD" && answer.status == 403)
    error.hint += " Without the right to list, an absent object looks like a forbidden one.";
  return error;
}

}  // namespace reprieve::s3
