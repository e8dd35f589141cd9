#include "storage/s3/signature.hpp"

#include <algorithm>

#include "crypto/crypto.hpp"

/// AWS Signature Version 4: "Authenticating Requests (AWS Signature Version 4)" in the Amazon S3
/// API reference. S3 takes the path as it is; other services of AWS normalise and encode it once
/// more.
namespace reprieve::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string sha256_hex(std::string_view text) {
  return to_hex(crypto::sha256(as_bytes(text)));
}

Secret mac(const Secret& key, std::string_view text) {
  return Secret::copy_of(crypto::HmacKey{key}.mac({}, as_bytes(text)));
}

/// The ends cut off and each run of blanks inside made one.
std::string folded(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool is_blank = c == ' ' || c == '\t';
    if (is_blank && (out.empty() || out.back() == ' ')) continue;
    out += is_blank ? ' ' : c;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

struct CanonicalHeaders {
  std::string lines;
  std::string names;
};

CanonicalHeaders canonical(std::vector<std::pair<std::string, std::string>> headers) {
  std::ranges::sort(headers);
  CanonicalHeaders out;
  for (const auto& [name, value] : headers) {
    out.lines += name + ":" + folded(value) + "\n";
    if (!out.names.empty()) out.names += ';';
    out.names += name;
  }
  return out;
}

Secret signing_key(const Credentials& credentials, const std::string& date,
                   const SigningScope& scope) {
  constexpr std::string_view kPrefix = "AWS4";
  const ByteView secret = credentials.secret_key.expose();
  Secret start{kPrefix.size() + secret.size()};
  const auto rest = std::ranges::copy(as_bytes(kPrefix), start.expose_mutable().begin()).out;
  std::ranges::copy(secret, rest);
  return mac(mac(mac(mac(start, date), scope.region), scope.service), "aws4_request");
}

}  // namespace

std::string format_amz_date(Instant now) {
  std::string out;
  for (const char c : format_rfc3339(now)) {
    if (c == '.') break;
    if (c != '-' && c != ':' && c != 'Z') out += c;
  }
  return out + 'Z';
}

std::string authorization(const Signable& request, const SigningScope& scope,
                          const Credentials& credentials, Instant now) {
  const CanonicalHeaders headers = canonical(request.headers);
  const std::string canonical_request = request.method + "\n" + request.path + "\n" +
                                        canonical_query(request.query) + "\n" + headers.lines +
                                        "\n" + headers.names + "\n" + request.body_sha256;
  const std::string moment = format_amz_date(now);
  const std::string date = moment.substr(0, moment.find('T'));
  const std::string in = date + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const std::string to_sign =
      std::string{kAlgorithm} + "\n" + moment + "\n" + in + "\n" + sha256_hex(canonical_request);
  const Secret signature = mac(signing_key(credentials, date, scope), to_sign);
  return std::string{kAlgorithm} + " Credential=" + credentials.access_key + "/" + in +
         ", SignedHeaders=" + headers.names + ", Signature=" + to_hex(signature.expose());
}

}  // namespace reprieve::s3
