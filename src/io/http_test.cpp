#include "io/http.hpp"

#include <gtest/gtest.h>

#include "io/loopback_test.hpp"

namespace reprieve::io {
namespace {

TEST(Http, GivesBackStatusHeadersAndBody) {
  OneAnswer server{"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\nX-Why:  over load \r\n\r\nhello"};
  const auto response = http({.url = server.url("/health?deep=1")});
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(response->header("x-why"), "over load");
  EXPECT_EQ(response->header("x-other"), "");
  EXPECT_EQ(as_text(response->body), "hello");
  EXPECT_FALSE(response->is_truncated);
  EXPECT_GT(response->elapsed, Duration{0});
  EXPECT_TRUE(server.request().starts_with("GET /health?deep=1 HTTP/1.1\r\n"));
}

TEST(Http, SendsHeadersAndBody) {
  OneAnswer server{"HTTP/1.1 204 Done\r\n\r\n"};
  HttpRequest request{.method = "POST", .url = server.url("/hook")};
  request.headers = {{"Content-Type", "application/json"}, {"X-Token", "t"}};
  request.body = as_bytes("{\"a\":1}");
  ASSERT_TRUE(http(request));
  const std::string& got = server.request();
  EXPECT_NE(got.find("Content-Type: application/json\r\n"), std::string::npos) << got;
  EXPECT_NE(got.find("X-Token: t\r\n"), std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\n{\"a\":1}")) << got;
}

TEST(Http, SendsAnEmptyBody) {
  OneAnswer server{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
  ASSERT_TRUE(http({.method = "POST", .url = server.url("/")}));
  EXPECT_NE(server.request().find("Content-Length: 0\r\n"), std::string::npos);
}

TEST(Http, AsksForHeadersOnlyWithHead) {
  OneAnswer server{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"};
  const auto response = http({.method = "HEAD", .url = server.url("/")});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(response->body.empty());
}

TEST(Http, StopsReadingAtTheLimit) {
  OneAnswer server{"HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'x')};
  const auto response = http({.url = server.url("/"), .body_bytes_max = 1000});
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body.size(), 1000U);
  EXPECT_TRUE(response->is_truncated);
}

TEST(Http, TakesARedirectAsAnAnswer) {
  OneAnswer server{
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"};
  const auto response = http({.url = server.url("/")});
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(response->header("location"), "http://127.0.0.1:1/");
}

TEST(Http, SaysTransientWhenNobodyAnswersAndHidesSecrets) {
  Loopback loopback;
  loopback.close();
  const std::string port = std::to_string(loopback.port());
  const auto response = http({.url = "http://user:pw@127.0.0.1:" + port + "/hook?token=tok"});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTransient);
  EXPECT_NE(response.error().what.find("GET http://127.0.0.1:" + port + "/hook"),
            std::string::npos);
  EXPECT_EQ(response.error().what.find("pw"), std::string::npos);
  EXPECT_EQ(response.error().what.find("tok"), std::string::npos);
}

TEST(Http, GivesUpAfterItsTimeout) {
  const Loopback silent;  // Accepts in the kernel, never answers.
  const auto response = http({.url = "http://127.0.0.1:" + std::to_string(silent.port()) + "/",
                              .timeout = std::chrono::milliseconds{50}});
  EXPECT_EQ(response.error().kind, ErrorKind::kTransient);
}

TEST(Http, GivesUpWhenNothingMoves) {
  const Loopback silent;
  HttpRequest request{.url = "http://127.0.0.1:" + std::to_string(silent.port()) + "/"};
  request.timeout = {};
  request.stall_timeout = std::chrono::milliseconds{1};  // Rounded up to a second.
  EXPECT_EQ(http(request).error().kind, ErrorKind::kTransient);
}

TEST(HttpClient, AsksAgainOverTheSameConnection) {
  const Loopback loopback;
  std::thread server{[&] {
    const FileHandle peer = loopback.accept();  // Once for both.
    for (int i = 0; i < 2; ++i) {
      std::string asked;
      while (asked.find("\r\n\r\n") == std::string::npos) {
        Bytes piece(4096);
        const auto got = read_some(peer, piece);
        if (!got || *got == 0) return;
        asked += as_text(ByteView{piece}.first(*got));
      }
      const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
      ::send(peer.fd(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }};
  HttpClient client;
  const std::string url = "http://127.0.0.1:" + std::to_string(loopback.port()) + "/";
  for (int i = 0; i < 2; ++i) {
    const auto response = client.send({.url = url, .timeout = std::chrono::seconds{5}});
    EXPECT_TRUE(response && as_text(response->body) == "ok") << i;
  }
  server.join();
}

TEST(Http, StopsAtTheUsersWish) {
  const Loopback silent;
  CancelToken cancel;
  cancel.request();
  HttpRequest request{.url = "http://127.0.0.1:" + std::to_string(silent.port()) + "/"};
  request.cancel = &cancel;
  EXPECT_EQ(http(request).error().kind, ErrorKind::kCancelled);
}

TEST(Http, RefusesOtherProtocolsAndSmuggledHeaders) {
  for (const std::string url :
       {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "http://", ""})
    EXPECT_EQ(http({.url = url}).error().kind, ErrorKind::kInvalid) << url;
  HttpRequest request{.url = "http://127.0.0.1:1/"};
  request.headers = {{"X-A", "v\r\nX-B: w"}};
  EXPECT_EQ(http(request).error().kind, ErrorKind::kInvalid);
}

TEST(WithoutSecrets, KeepsOnlyWhatMayBeShown) {
  EXPECT_EQ(without_secrets("https://u:p@h:1/path?q=1#f"), "https://h:1/path");
  EXPECT_EQ(without_secrets("https://h/a@b"), "https://h/a@b");
  EXPECT_EQ(without_secrets("https://u:p@x@h"), "https://h");
  EXPECT_EQ(without_secrets("no url"), "no url");
}

}  // namespace
}  // namespace reprieve::io
