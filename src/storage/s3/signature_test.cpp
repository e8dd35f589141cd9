#include "storage/s3/signature.hpp"

#include <gtest/gtest.h>

#include "crypto/crypto.hpp"

namespace reprieve::s3 {
namespace {

constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Credentials with_secret(std::string access_key, std::string_view secret) {
  return {std::move(access_key), Secret::copy_of(as_bytes(secret)), {}};
}

std::string signature_in(const std::string& header) {
  return header.substr(header.find("Signature=") + 10);
}

/// A case of AWS's test suite of Signature Version 4.
std::string suite_signature(const std::string& method, const std::string& path, Parameters query) {
  const Signable request{method,
                         path,
                         std::move(query),
                         {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}},
                         std::string{kEmptySha256}};
  const auto credentials = with_secret("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  return signature_in(authorization(request, {"us-east-1", "service"}, credentials,
                                    *parse_rfc3339("2015-08-30T12:36:00Z")));
}

TEST(Signature, AgreesWithTheTestSuiteOfAws) {
  EXPECT_EQ(suite_signature("GET", "/", {}),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(suite_signature("POST", "/", {}),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  EXPECT_EQ(suite_signature("GET", "/", {{"Param2", "value2"}, {"Param1", "value1"}}),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

/// An example of "Authenticating Requests" in the manual of S3.
std::string manual_signature(const std::string& method, const std::string& path, Parameters query,
                             std::vector<std::pair<std::string, std::string>> headers,
                             std::string_view body) {
  const std::string hash = to_hex(crypto::sha256(as_bytes(body)));
  headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  headers.emplace_back("x-amz-date", "20130524T000000Z");
  headers.emplace_back("x-amz-content-sha256", hash);
  const Signable request{method, path, std::move(query), std::move(headers), hash};
  const auto credentials =
      with_secret("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  return signature_in(
      authorization(request, {"us-east-1"}, credentials, *parse_rfc3339("2013-05-24T00:00:00Z")));
}

TEST(Signature, AgreesWithTheExamplesOfS3) {
  EXPECT_EQ(manual_signature("GET", "/test.txt", {}, {{"range", "bytes=0-9"}}, ""),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(manual_signature("PUT", uri_encode("/test$file.text", Slash::kKept), {},
                             {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                              {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                             "Welcome to Amazon S3."),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  EXPECT_EQ(manual_signature("GET", "/", {{"lifecycle", ""}}, {}, ""),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(manual_signature("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}, ""),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(Signature, FoldsBlanksInHeaders) {
  EXPECT_EQ(manual_signature("GET", "/a", {}, {{"x-amz-meta", "  a   b "}}, ""),
            manual_signature("GET", "/a", {}, {{"x-amz-meta", "a b"}}, ""));
}

TEST(Signature, WritesTheDateWithoutFractions) {
  EXPECT_EQ(format_amz_date(*parse_rfc3339("2026-11-20T14:49:07.123Z")), "20261120T144907Z");
}

TEST(Uri, EncodesAllButTheUnreserved) {
  EXPECT_EQ(uri_encode("aZ09-._~", Slash::kEncoded), "aZ09-._~");
  EXPECT_EQ(uri_encode("a b/c+d='(!*)%", Slash::kKept), "a%20b/c%2Bd%3D%27%28%21%2A%29%25");
  EXPECT_EQ(uri_encode("a/b", Slash::kEncoded), "a%2Fb");
  EXPECT_EQ(uri_encode("\xc3\xa4", Slash::kKept), "%C3%A4");
}

TEST(Uri, DecodesWhatItEncodedAndRefusesBrokenEscapes) {
  EXPECT_EQ(uri_decode("a%20b%2Fc+d"), "a b/c+d");
  for (const char* broken : {"%", "a%2", "%zz", "%%20"})
    EXPECT_EQ(uri_decode(broken), std::nullopt) << broken;
}

TEST(Uri, SortsAQueryByItsEncodedNames) {
  EXPECT_EQ(canonical_query({{"prefix", "a/b"}, {"list-type", "2"}, {"uploads", ""}}),
            "list-type=2&prefix=a%2Fb&uploads=");
}

}  // namespace
}  // namespace reprieve::s3
