#include "io/line_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/internal/retry.hpp"

namespace reprieve::io {
namespace {

constexpr std::size_t kLineBytesMax = 1024 * 1024;

}  // namespace

Result<std::optional<std::string>> LineReader::next(Duration limit) {
  auto line = take_line();
  if (line || is_at_end_) return line;
  REPRIEVE_RETURN_IF_ERROR(read_more(limit));
  return take_line();
}

std::optional<std::string> LineReader::take_line() {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos && !(is_at_end_ && !buffer_.empty()) &&
      buffer_.size() < kLineBytesMax)
    return std::nullopt;
  std::string line = buffer_.substr(0, std::min(end, kLineBytesMax));
  buffer_.erase(0, end == line.size() ? end + 1 : line.size());
  return line;
}

Result<> LineReader::read_more(Duration limit) {
  struct ::pollfd wanted {
    .fd = file_.fd(), .events = POLLIN, .revents = 0
  };
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  if (::poll(&wanted, 1, static_cast<int>(ms)) <= 0) return kOk;  // A signal is no line either.
  std::array<char, 4096> bytes{};
  const ssize_t got =
      retry_if_interrupted([&] { return ::read(file_.fd(), bytes.data(), bytes.size()); });
  if (got < 0) return error_from_errno(errno, "read a program's output");
  is_at_end_ = got == 0;
  buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  return kOk;
}

}  // namespace reprieve::io
