#include "io/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/internal/retry.hpp"

namespace reprieve::io {
namespace {

/// Linux moves at most this much in one call (read(2)); asking for more is pointless.
constexpr std::size_t kCallBytesMax = 0x7ffff000;
constexpr std::size_t kReadFilePiece = 64 * 1024;

Error ended_early() {
  return Error{ErrorKind::kCorrupt, "read: the file ends early"};
}

}  // namespace

FileHandle::FileHandle(FileHandle&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  if (this == &other) return *this;
  ignore_error(close(), "the old file is given up; who cares for its close calls close()");
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

FileHandle::~FileHandle() {
  ignore_error(close(), "a destructor has nobody to tell");
}

Result<> FileHandle::close() {
  const int fd = std::exchange(fd_, -1);
  // Linux frees the descriptor even if close() is interrupted, so there is no second try.
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return error_from_errno(errno, "close");
  return kOk;
}

int FileHandle::release() {
  return std::exchange(fd_, -1);
}

Result<FileHandle> open_file(const std::string& path, int flags, mode_t mode) {
  if (path.find('\0') != std::string::npos)
    return Error{ErrorKind::kInvalid, "open: the path has a zero byte"};
  const int fd = retry_if_interrupted(
      [&] { return ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, mode); });
  if (fd < 0) return error_from_errno(errno, "open " + path);
  return FileHandle{fd};
}

Result<std::size_t> read_some(const FileHandle& file, MutableByteView out) {
  const std::size_t size = std::min(out.size(), kCallBytesMax);
  const ssize_t got = retry_if_interrupted([&] { return ::read(file.fd(), out.data(), size); });
  if (got < 0) return error_from_errno(errno, "read");
  return static_cast<std::size_t>(got);
}

Result<> read_exact(const FileHandle& file, MutableByteView out) {
  while (!out.empty()) {
    REPRIEVE_TRY(const std::size_t got, read_some(file, out));
    if (got == 0) return ended_early();
    out = out.subspan(got);
  }
  return kOk;
}

Result<std::size_t> pread_some(const FileHandle& file, MutableByteView out, ByteOffset at) {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::size_t size = std::min(out.size() - done, kCallBytesMax);
    const auto position = static_cast<off_t>(at.value + done);
    const ssize_t got =
        retry_if_interrupted([&] { return ::pread(file.fd(), out.data() + done, size, position); });
    if (got < 0) return error_from_errno(errno, "read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<> pread_exact(const FileHandle& file, MutableByteView out, ByteOffset at) {
  REPRIEVE_TRY(const std::size_t got, pread_some(file, out, at));
  if (got != out.size()) return ended_early();
  return kOk;
}

Result<> write_all(const FileHandle& file, ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kCallBytesMax);
    const ssize_t put =
        retry_if_interrupted([&] { return ::write(file.fd(), bytes.data(), size); });
    if (put < 0) return error_from_errno(errno, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return kOk;
}

Result<> pwrite_all(const FileHandle& file, ByteView bytes, ByteOffset at) {
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kCallBytesMax);
    const ssize_t put = retry_if_interrupted(
        [&] { return ::pwrite(file.fd(), bytes.data(), size, static_cast<off_t>(at.value)); });
    if (put < 0) return error_from_errno(errno, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    at.value += static_cast<std::uint64_t>(put);
  }
  return kOk;
}

Result<ByteCount> size_of(const FileHandle& file) {
  struct ::stat status {};
  if (::fstat(file.fd(), &status) != 0) return error_from_errno(errno, "stat");
  return ByteCount{static_cast<std::uint64_t>(status.st_size)};
}

Result<ByteCount> file_size(const std::string& path) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) return error_from_errno(errno, "stat " + path);
  return ByteCount{static_cast<std::uint64_t>(status.st_size)};
}

bool exists(const std::string& path) {
  struct ::stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

Result<Bytes> read_file(const std::string& path, ByteCount size_max) {
  REPRIEVE_TRY(const FileHandle file, open_file(path, O_RDONLY));
  REPRIEVE_TRY(const ByteCount size, size_of(file));
  const auto too_large = [&] {
    return Error{ErrorKind::kExhausted, "read " + path + ": the file is larger than its limit of " +
                                            std::to_string(size_max.value) + " bytes"};
  };
  if (size > size_max) return too_large();
  Bytes bytes;
  std::size_t done = 0;
  // One byte more than the size says, so that the end is seen without growing the buffer.
  bytes.resize(static_cast<std::size_t>(size.value) + 1);
  while (true) {
    if (done == bytes.size()) bytes.resize(bytes.size() + std::max(kReadFilePiece, done));
    auto got = read_some(file, MutableByteView{bytes}.subspan(done));
    if (!got) return std::move(got).error().at(path);
    done += *got;
    if (done > size_max.value) return too_large();
    if (*got == 0) break;
  }
  bytes.resize(done);
  return bytes;
}

Result<std::string> read_text_file(const std::string& path, ByteCount size_max) {
  REPRIEVE_TRY(const Bytes bytes, read_file(path, size_max));
  return std::string{as_text(bytes)};
}

Result<> sync_data(const FileHandle& file) {
  if (retry_if_interrupted([&] { return ::fdatasync(file.fd()); }) != 0)
    return error_from_errno(errno, "sync");
  return kOk;
}

std::string parent_of(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path.empty() ? "." : "/";
  const std::size_t slash = path.rfind('/', end);
  if (slash == std::string::npos) return ".";
  const std::size_t last = path.find_last_not_of('/', slash);
  return last == std::string::npos ? "/" : path.substr(0, last + 1);
}

std::string path_in(const std::string& folder, std::string_view name) {
  std::string path = folder;
  if (!path.ends_with('/')) path += '/';
  return path.append(name);
}

std::string name_in(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return "";
  const std::size_t slash = path.rfind('/', end);
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(begin, end - begin + 1);
}

}  // namespace reprieve::io
