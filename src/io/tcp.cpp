#include "io/tcp.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "io/file.hpp"
#include "io/internal/retry.hpp"

namespace reprieve::io {
namespace {

struct FreeAddresses {
  void operator()(::addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<::addrinfo, FreeAddresses>;

Result<Addresses> look_up(const std::string& host, std::uint16_t port) {
  ::addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  ::addrinfo* list = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (status == 0) return Addresses{list};
  if (status == EAI_SYSTEM) return error_from_errno(errno, "look up " + host);
  const bool is_absent = status == EAI_NONAME || status == EAI_NODATA;
  return Error{is_absent ? ErrorKind::kNotFound : ErrorKind::kTransient,
               "look up " + host + ": " + ::gai_strerror(status)};
}

Result<> connect_before(const ::addrinfo& address, Duration deadline, Clock& clock) {
  const FileHandle connection{
      ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol)};
  if (!connection.is_open()) return error_from_errno(errno, "make a socket");
  if (::connect(connection.fd(), address.ai_addr, address.ai_addrlen) == 0) return kOk;
  if (errno != EINPROGRESS && errno != EINTR) return error_from_errno(errno, "connect");
  while (true) {
    const Duration left = deadline - clock.uptime();
    if (left <= Duration{0}) return Error{ErrorKind::kTransient, "connect: no answer in time"};
    ::pollfd ready{connection.fd(), POLLOUT, 0};
    const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int count = ::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left_ms, 60'000)));
    if (count < 0 && errno != EINTR) return error_from_errno(errno, "connect");
    if (count <= 0) continue;
    int error_number = 0;
    ::socklen_t size = sizeof error_number;
    ::getsockopt(connection.fd(), SOL_SOCKET, SO_ERROR, &error_number, &size);
    if (error_number != 0) return error_from_errno(error_number, "connect");
    return kOk;
  }
}

}  // namespace

Result<Duration> check_tcp(const std::string& host, std::uint16_t port, Duration timeout,
                           Clock& clock) {
  const Duration started = clock.uptime();
  REPRIEVE_TRY(const Addresses addresses, look_up(host, port));
  Result<> connected = Error{ErrorKind::kNotFound, "connect: no address"};
  for (const ::addrinfo* at = addresses.get(); at != nullptr && !connected; at = at->ai_next)
    connected = connect_before(*at, started + timeout, clock);
  if (connected) return clock.uptime() - started;
  return std::move(connected).error().at(host + " port " + std::to_string(port));
}

}  // namespace reprieve::io
