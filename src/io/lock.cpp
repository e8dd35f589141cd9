#include "io/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/internal/retry.hpp"

namespace reprieve::io {
namespace {

constexpr std::size_t kHolderBytesMax = 512;

std::string host_name() {
  std::string name(256, '\0');
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown host";
  name.resize(name.find('\0'));
  return name;
}

/// What the holder wrote; shown to people only, so anything that is no plain text is left out.
std::string holder_of(const FileHandle& file) {
  Bytes bytes(kHolderBytesMax);
  const auto got = pread_some(file, bytes, ByteOffset{0});
  if (!got || *got == 0) return "another process";
  std::string text{as_text(ByteView{bytes}.first(*got))};
  std::erase_if(text, [](char c) { return c < ' ' || c > '~'; });
  return text;
}

}  // namespace

Result<FileLock> FileLock::try_take(const std::string& path, const std::string& purpose) {
  REPRIEVE_TRY(FileHandle file, open_file(path, O_RDWR | O_CREAT, 0600));
  if (retry_if_interrupted([&] { return ::flock(file.fd(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return error_from_errno(errno, "lock " + path);
    return Error{ErrorKind::kConflict, "lock " + path + ": held by " + holder_of(file),
                 "Wait until it has ended, or end it."};
  }
  const std::string holder =
      "process " + std::to_string(::getpid()) + " on " + host_name() + " (" + purpose + ")\n";
  if (::ftruncate(file.fd(), 0) != 0) return error_from_errno(errno, "lock " + path);
  REPRIEVE_RETURN_IF_ERROR(pwrite_all(file, as_bytes(holder), ByteOffset{0}));
  return FileLock{std::move(file)};
}

}  // namespace reprieve::io
