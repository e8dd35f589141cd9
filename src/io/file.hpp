#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

/// The only module that calls the operating system for files, processes and sockets on behalf of
/// others. Paths are raw bytes: Linux names need not be UTF-8. Every descriptor is close-on-exec.
/// Interrupted calls (EINTR) are taken up again everywhere.
namespace reprieve::io {

/// Owns a file descriptor.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_{fd} {}
  FileHandle(FileHandle&& other) noexcept;
  FileHandle& operator=(FileHandle&& other) noexcept;
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  /// Closes now and reports what close(2) reports; some file systems tell of lost writes only here.
  Result<> close();
  /// Gives up ownership.
  [[nodiscard]] int release();

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC and O_NOCTTY added. Symbolic links in `path` are followed: for paths that
/// the operator gave. Names out of hostile bytes are opened through Directory.
Result<FileHandle> open_file(const std::string& path, int flags, mode_t mode = 0600);

/// Reads up to `out.size()` bytes; fewer only at the end of the file or of what a pipe holds, 0 at
/// the end.
Result<std::size_t> read_some(const FileHandle& file, MutableByteView out);
/// Fills `out`. Errors: kCorrupt if the file ends before.
Result<> read_exact(const FileHandle& file, MutableByteView out);
/// Reads until `out` is full or the file ends; returns how much.
Result<std::size_t> pread_some(const FileHandle& file, MutableByteView out, ByteOffset at);
/// Fills `out` from position `at`. Errors: kCorrupt if the file ends before.
Result<> pread_exact(const FileHandle& file, MutableByteView out, ByteOffset at);
Result<> write_all(const FileHandle& file, ByteView bytes);
Result<> pwrite_all(const FileHandle& file, ByteView bytes, ByteOffset at);

Result<ByteCount> size_of(const FileHandle& file);
/// Size of the file at `path`, links followed. Errors: kNotFound.
Result<ByteCount> file_size(const std::string& path);
/// Whether anything is there, a dangling link included.
bool exists(const std::string& path);

/// The whole file. Errors: kNotFound; kExhausted if it has more than `size_max` bytes (also when it
/// grows meanwhile, or tells no size, as files in /proc do).
Result<Bytes> read_file(const std::string& path, ByteCount size_max);
/// The same as text.
Result<std::string> read_text_file(const std::string& path, ByteCount size_max);

/// fdatasync(2). A failure is final for this file: its pages may be marked clean though they never
/// reached the disk, so a second call proves nothing.
Result<> sync_data(const FileHandle& file);

/// The folder part of a path: "a/b" -> "a", "b" -> ".", "/b" -> "/".
std::string parent_of(const std::string& path);
/// The last segment: "a/b" -> "b".
std::string name_in(const std::string& path);
/// The path of what a folder holds: "a", "b" -> "a/b".
std::string path_in(const std::string& folder, std::string_view name);

}  // namespace reprieve::io
