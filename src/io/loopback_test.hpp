#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "base/assert.hpp"
#include "io/file.hpp"

namespace reprieve::io {

/// A listener on a port of the kernel's choice, on the loopback address.
class Loopback {
 public:
  Loopback() : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<::sockaddr*>(&address);
    ::socklen_t size = sizeof address;
    REPRIEVE_ASSERT(::bind(listener_.fd(), generic, size) == 0);
    REPRIEVE_ASSERT(::listen(listener_.fd(), 8) == 0);
    REPRIEVE_ASSERT(::getsockname(listener_.fd(), generic, &size) == 0);
    port_ = ::ntohs(address.sin_port);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] FileHandle accept() const {
    return FileHandle{::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC)};
  }
  /// Nobody listens there any more.
  void close() { ignore_error(listener_.close(), "a test's own socket"); }

 private:
  FileHandle listener_;
  std::uint16_t port_ = 0;
};

/// Answers one HTTP request with `answer`, word for word, and keeps what was asked.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_{std::move(answer)} {
    thread_ = std::thread{[this] { serve(); }};
  }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  ~OneAnswer() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(loopback_.port()) + path;
  }
  /// Blocks until the exchange is over.
  const std::string& request() {
    thread_.join();
    return request_;
  }

 private:
  void serve() {
    const FileHandle peer = loopback_.accept();
    while (!is_whole()) {
      Bytes piece(4096);
      const auto got = read_some(peer, piece);
      if (!got || *got == 0) break;
      request_ += as_text(ByteView{piece}.first(*got));
    }
    ::send(peer.fd(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
  }
  [[nodiscard]] bool is_whole() const {
    const std::size_t end = request_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::size_t length = request_.find("Content-Length: ");
    if (length == std::string::npos) return true;
    return request_.size() >= end + 4 + std::stoul(request_.substr(length + 16));
  }

  Loopback loopback_;
  std::string answer_;
  std::string request_;
  std::thread thread_;
};

}  // namespace reprieve::io
