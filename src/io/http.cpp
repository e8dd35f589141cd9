#include "io/http.hpp"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/assert.hpp"

namespace reprieve::io {
namespace {

constexpr std::size_t kHeadersMax = 1000;
constexpr std::size_t kHeaderBytesMax = 64 * 1024;
constexpr std::size_t kReserveBytesMax = 64 * 1024 * 1024;
constexpr long kBufferBytes = 256 * 1024;
constexpr long kConnectTimeoutMs = 20'000;

struct FreeHandle {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(::curl_slist* list) const { ::curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
using List = std::unique_ptr<::curl_slist, FreeList>;

/// A handle with its connection, for one request after the other.
struct Exchange {
  Handle handle;
  int socket = -1;  ///< The last that was opened.
};

/// What the callbacks of one transfer work on.
struct Transfer {
  const HttpRequest& request;
  Exchange& exchange;
  HttpResponse response;
};

std::string lower_case(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

/// Saves copies of a growing body. What a peer announces is believed only up to a bound.
void reserve_announced(Transfer& transfer) {
  ::curl_off_t announced = 0;
  ::curl_easy_getinfo(transfer.exchange.handle.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                      &announced);
  if (announced <= 0) return;
  transfer.response.body.reserve(std::min(
      {static_cast<std::size_t>(announced), transfer.request.body_bytes_max, kReserveBytesMax}));
}

// The signatures of the callbacks are libcurl's.
std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  Bytes& body = transfer.response.body;
  if (body.empty()) reserve_announced(transfer);
  const std::size_t room = transfer.request.body_bytes_max - body.size();
  const std::size_t taken = std::min(size, room);
  const std::size_t end = body.size();
  body.resize(end + taken);
  if (taken > 0) std::memcpy(body.data() + end, bytes, taken);
  if (size <= room) return size;
  transfer.response.is_truncated = true;
  return 0;  // Ends the transfer: nobody wants the rest.
}

/// A server that writes its header and its body one after the other, with Nagle's algorithm on (RFC
/// 896), sends the body when the header was acknowledged, which the kernel puts off by 40 ms, as it
/// expects that we are to send something ourselves. Until we do, this ends that (tcp(7),
/// TCP_QUICKACK). If it fails, it is slow, no more.
void acknowledge_at_once(int socket) {
  const int on = 1;
  static_cast<void>(::setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on));
}

int note_socket(void* context, ::curl_socket_t socket, ::curlsocktype) {
  static_cast<Exchange*>(context)->socket = socket;
  return CURL_SOCKOPT_OK;
}

std::size_t take_header(char* bytes, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  auto& headers = transfer.response.headers;
  const std::string_view line{bytes, size};
  if (line.starts_with("HTTP/")) {
    headers.clear();  // A further answer, after a redirect.
    acknowledge_at_once(transfer.exchange.socket);
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  if (headers.size() >= kHeadersMax || size > kHeaderBytesMax) return 0;
  headers.emplace_back(lower_case(trimmed(line.substr(0, colon))),
                       std::string{trimmed(line.substr(colon + 1))});
  return size;
}

int look_for_cancel(void* context, ::curl_off_t, ::curl_off_t, ::curl_off_t, ::curl_off_t) {
  const CancelToken* cancel = static_cast<const Transfer*>(context)->request.cancel;
  return cancel != nullptr && cancel->is_requested() ? 1 : 0;
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  REPRIEVE_ASSERT(::curl_easy_setopt(handle, option, value) == CURLE_OK);
}

ErrorKind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CACERT_BADFILE:
      return ErrorKind::kInvalid;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return ErrorKind::kDenied;
    case CURLE_ABORTED_BY_CALLBACK:
      return ErrorKind::kCancelled;
    default:
      return ErrorKind::kTransient;
  }
}

/// A line break in a header would let a value add headers of its own.
bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos;
}

Result<List> header_list(const HttpRequest& request) {
  // Switches off the pause that curl makes before it sends a body.
  List list{::curl_slist_append(nullptr, "Expect:")};
  for (const auto& [name, value] : request.headers) {
    if (has_line_break(name) || has_line_break(value))
      return Error{ErrorKind::kInvalid, "header " + lower_case(name) + ": has a line break"};
    // "name;" is how curl writes a header without a value.
    std::string line = name;
    line += value.empty() ? ";" : ": ";
    line += value;
    ::curl_slist* longer = ::curl_slist_append(list.get(), line.c_str());
    REPRIEVE_ASSERT(longer != nullptr);
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

void set_timeouts(CURL* handle, const HttpRequest& request) {
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(request.timeout).count();
  set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout));
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  const auto stall = std::chrono::ceil<std::chrono::seconds>(request.stall_timeout).count();
  if (stall <= 0) return;
  set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall));
}

void set_up(CURL* handle, const HttpRequest& request, Transfer& transfer) {
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_URL, request.url.c_str());
  set(handle, CURLOPT_PATH_AS_IS, 1L);  // A path may be signed: it goes out as it came in.
  set(handle, CURLOPT_BUFFERSIZE, kBufferBytes);
  set(handle, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  set(handle, CURLOPT_SOCKOPTFUNCTION, note_socket);
  set(handle, CURLOPT_SOCKOPTDATA, static_cast<void*>(&transfer.exchange));
  set_timeouts(handle, request);
  set(handle, CURLOPT_FOLLOWLOCATION, request.redirects_max > 0 ? 1L : 0L);
  set(handle, CURLOPT_MAXREDIRS, static_cast<long>(request.redirects_max));
  set(handle, CURLOPT_USERAGENT, "reprieve/" REPRIEVE_VERSION);
  set(handle, CURLOPT_WRITEFUNCTION, take_body);
  set(handle, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(handle, CURLOPT_HEADERFUNCTION, take_header);
  set(handle, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(handle, CURLOPT_XFERINFOFUNCTION, look_for_cancel);
  set(handle, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  set(handle, CURLOPT_NOPROGRESS, 0L);
  if (!request.ca_file.empty()) set(handle, CURLOPT_CAINFO, request.ca_file.c_str());
  if (request.method == "HEAD") {
    set(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<::curl_off_t>(request.body.size()));
    // Without a pointer curl would read a body from our standard input.
    set(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : as_text(request.body).data());
    set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

Exchange new_exchange() {
  static const CURLcode started = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  REPRIEVE_ASSERT(started == CURLE_OK);
  Handle handle{::curl_easy_init()};
  REPRIEVE_ASSERT(handle != nullptr);
  return {std::move(handle)};
}

Result<HttpResponse> perform(Exchange& exchange, const HttpRequest& request) {
  CURL* const handle = exchange.handle.get();
  const std::string what = request.method + " " + without_secrets(request.url);
  if (request.url.find('\0') != std::string::npos || has_line_break(request.method))
    return Error{ErrorKind::kInvalid, what + ": not a valid request"};
  Transfer transfer{request, exchange, {}};
  auto headers = header_list(request);
  if (!headers) return std::move(headers).error().at(what);
  set_up(handle, request, transfer);
  set(handle, CURLOPT_HTTPHEADER, headers->get());
  const CURLcode code = ::curl_easy_perform(handle);
  if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && transfer.response.is_truncated))
    return Error{kind_of(code), what + ": " + ::curl_easy_strerror(code)};
  long status = 0;
  ::curl_off_t microseconds = 0;
  ::curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  ::curl_easy_getinfo(handle, CURLINFO_TOTAL_TIME_T, &microseconds);
  transfer.response.status = static_cast<int>(status);
  transfer.response.elapsed = std::chrono::microseconds{microseconds};
  return std::move(transfer.response);
}

}  // namespace

std::string HttpResponse::header(std::string_view name) const {
  for (const auto& [its_name, value] : headers) {
    if (its_name == name) return value;
  }
  return {};
}

std::string without_secrets(const std::string& url) {
  std::string out = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme_end = out.find("://");
  const std::size_t host = scheme_end == std::string::npos ? 0 : scheme_end + 3;
  const std::size_t at = out.rfind('@', out.find('/', host));
  if (at != std::string::npos && at >= host) out.erase(host, at + 1 - host);
  return out;
}

struct HttpClient::Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Exchange>>
      idle;  // Guarded by mutex. The last used is the first to be used again.
};

HttpClient::HttpClient() : pool_{std::make_unique<Pool>()} {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::send(const HttpRequest& request) {
  std::unique_ptr<Exchange> exchange;
  {
    const std::lock_guard lock{pool_->mutex};
    if (!pool_->idle.empty()) {
      exchange = std::move(pool_->idle.back());
      pool_->idle.pop_back();
    }
  }
  if (exchange == nullptr) exchange = std::make_unique<Exchange>(new_exchange());
  auto response = perform(*exchange, request);
  // Connections stay; pointers into this call do not.
  ::curl_easy_reset(exchange->handle.get());
  const std::lock_guard lock{pool_->mutex};
  pool_->idle.push_back(std::move(exchange));
  return response;
}

Result<HttpResponse> http(const HttpRequest& request) {
  Exchange exchange = new_exchange();
  return perform(exchange, request);
}

}  // namespace reprieve::io
