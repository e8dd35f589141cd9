#include "source/filesystem/internal/file_writer.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/directory.hpp"
#include "source/filesystem/internal/entry_capture.hpp"
#include "source/filesystem/internal/file_cache.hpp"
#include "source/filesystem/internal/stored_extents.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::filesystem {
namespace {

// Files kept open between two of their chunks; others are closed and opened again.
constexpr std::size_t kOpenFilesMax = 192;

int write_all(int fd, ByteView bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return 0;
}

/// Writes what lies `stored_offset` into the stored bytes to where it belongs between the holes.
int write_between_holes(int fd, const Content& content, std::uint64_t stored_offset,
                        ByteView bytes) {
  return for_each_extent(
      content, stored_offset, bytes,
      [&](std::uint64_t file_offset, ByteView part) { return write_all(fd, part, file_offset); });
}

/// Gives a file that holds other bytes the size and the holes of `content`.
bool shape(int fd, const Content& content) {
  if (::ftruncate(fd, static_cast<off_t>(content.size)) != 0) return false;
  return std::ranges::all_of(content.holes, [&](const Hole& hole) {
    return ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       static_cast<off_t>(hole.offset), static_cast<off_t>(hole.length)) == 0;
  });
}

/// Lets an empty file share all blocks of another one, where the file system can do that: it takes
/// no time and no room. Returns 0 or an errno after which the file is of no use.
int clone(int fd, int from_fd, const Content& content, bool& is_cloned) {
  is_cloned = ::ioctl(fd, FICLONE, from_fd) == 0;
  if (!is_cloned || shape(fd, content)) return 0;
  is_cloned = false;
  const auto size = static_cast<off_t>(content.size);
  return ::ftruncate(fd, 0) == 0 && ::ftruncate(fd, size) == 0 ? 0 : errno;
}

}  // namespace

std::string temporary_name(std::string_view name, unsigned attempt) {
  const std::uint64_t hash = hash_of_child(attempt, name);
  return ".reprieve-" + to_hex(std::as_bytes(std::span{&hash, 1})) + ".part";
}

void FileWriter::adopt(TargetFile& file, io::FileHandle handle) {
  file.handle = std::move(handle);
  file.is_created = true;
  ++open_files_;
}

/// 0 or errno. Some file systems tell only here that what was written is lost.
int FileWriter::close(TargetFile& file) {
  if (!file.handle.is_open()) return 0;
  --open_files_;
  return ::close(file.handle.release()) == 0 || errno == EINTR ? 0 : errno;
}

int FileWriter::create(TargetFile& file, int directory_fd) {
  const char* name = file.write_name.c_str();
  int fd = io::open_beneath(directory_fd, name, O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0 && errno == EEXIST && file.write_name != file.entry.name) {
    // Ours, from a run that was interrupted.
    if (::unlinkat(directory_fd, name, 0) != 0) return errno;
    fd = io::open_beneath(directory_fd, name, O_RDWR | O_CREAT | O_EXCL);
  }
  if (fd < 0) return errno;
  adopt(file, io::FileHandle{fd});
  // These two only work on an empty file; whether they did is seen when all flags are set.
  if ((file.entry.flags & (FS_NOCOW_FL | FS_COMPR_FL)) != 0)
    write_flags(fd, file.entry.flags & (FS_NOCOW_FL | FS_COMPR_FL));
  if (!file.entry.content.holes.empty() &&
      ::ftruncate(fd, static_cast<off_t>(file.entry.content.size)) != 0)
    return errno;
  return 0;
}

int FileWriter::open(TargetFile& file) {
  if (file.handle.is_open()) return 0;
  DirectoryHandles::Pin pin;
  if (const int error = context_.handles.pin(*file.directory, pin); error != 0) return error;
  if (!file.is_created) return create(file, pin.fd());
  const int fd = io::open_beneath(pin.fd(), file.write_name.c_str(), O_RDWR);
  if (fd < 0) return errno;
  adopt(file, io::FileHandle{fd});
  return 0;
}

bool FileWriter::resume(TargetFile& file, const ExistingFile& left_over,
                        const LocalPieces& pieces) {
  const std::lock_guard lock{file.mutex};
  // Nobody else can have it open for writing then.
  const Inode& inode = left_over.inode();
  if (inode.uid != ::geteuid() || inode.mode != 0600 || inode.links != 1) return false;
  DirectoryHandles::Pin pin;
  if (context_.handles.pin(*file.directory, pin) != 0) return false;
  Inode found;
  io::FileHandle handle{io::open_beneath(pin.fd(), file.write_name.c_str(), O_RDWR)};
  if (!handle.is_open() || stat_fd(handle.fd(), found) != 0 || !is_same_state(found, inode))
    return false;
  if (!shape(handle.fd(), file.entry.content)) return false;
  adopt(file, std::move(handle));
  file.chunks_left = pieces.absent;
  count_kept(pieces.bytes);
  static_cast<void>(close_surplus(file));  // Nothing was written that could be lost.
  return true;
}

Result<> FileWriter::take_over(TargetFile& file, const ExistingFile& from,
                               std::span<const ChunkRef> chunks, LocalPieces& pieces) {
  const std::lock_guard lock{file.mutex};
  int error = open(file);
  bool is_cloned = false;
  if (error == 0) error = clone(file.handle.fd(), from.fd(), file.entry.content, is_cloned);
  Bytes buffer;
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < chunks.size() && error == 0; offset += chunks[i++].length) {
    if (!pieces.is_here[i]) continue;
    buffer.resize(chunks[i].length);
    // Looked at again: whose file it is may have written to it since.
    const int fd = is_cloned ? file.handle.fd() : from.fd();
    if (!read_between_holes(fd, file.entry.content, offset, buffer) ||
        !context_.reader.is_chunk(chunks[i].id, buffer)) {
      pieces.drop(i, chunks[i].length);
      continue;
    }
    if (!is_cloned)
      error = write_between_holes(file.handle.fd(), file.entry.content, offset, buffer);
  }
  if (error == 0) error = close_surplus(file);
  if (error != 0) return give_up(file, error, "could not be written");
  file.chunks_left = pieces.absent;
  count_kept(pieces.bytes);
  return kOk;
}

Result<> FileWriter::complete(TargetFile& file) {
  const std::lock_guard lock{file.mutex};
  REPRIEVE_ASSERT(file.chunks_left == 0);
  return file.is_failed ? Result<>{kOk} : finish(file);
}

void FileWriter::count_kept(std::uint64_t bytes) {
  context_.bytes_kept += bytes;
  context_.reader.progress().bytes += bytes;
}

/// Closes a file that waits for more chunks, if too many are open.
int FileWriter::close_surplus(TargetFile& file) {
  return open_files_ > kOpenFilesMax ? close(file) : 0;
}

Result<bool> FileWriter::write_chunk(TargetFile& file, std::uint64_t stored_offset,
                                     ByteView bytes) {
  const std::lock_guard lock{file.mutex};
  if (!file.is_failed) {
    int error = open(file);
    if (error == 0)
      error = write_between_holes(file.handle.fd(), file.entry.content, stored_offset, bytes);
    if (error != 0) REPRIEVE_RETURN_IF_ERROR(give_up(file, error, "could not be written"));
    context_.reader.progress().bytes += bytes.size();
    context_.bytes_written += bytes.size();
  }
  return count_chunk(file);
}

Result<bool> FileWriter::miss_chunk(TargetFile& file, const Error& why) {
  const std::lock_guard lock{file.mutex};
  if (!file.is_failed) {
    context_.report(Problem::Kind::kUnreadable, file.directory->path_of(file.entry.name),
                    "could not be restored: " + why.what);
    REPRIEVE_RETURN_IF_ERROR(give_up(file, 0, {}));
  }
  return count_chunk(file);
}

Result<bool> FileWriter::count_chunk(TargetFile& file) {
  REPRIEVE_ASSERT(file.chunks_left > 0);
  if (--file.chunks_left > 0) {
    if (const int error = close_surplus(file); error != 0)
      REPRIEVE_RETURN_IF_ERROR(give_up(file, error, "could not be written"));
    return false;
  }
  if (!file.is_failed) REPRIEVE_RETURN_IF_ERROR(finish(file));
  return true;
}

Result<bool> FileWriter::write_whole(TargetFile& file) {
  const std::lock_guard lock{file.mutex};
  int error = open(file);
  if (error == 0)
    error = write_between_holes(file.handle.fd(), file.entry.content, 0,
                                file.entry.content.inline_bytes);
  if (error != 0) {
    REPRIEVE_RETURN_IF_ERROR(give_up(file, error, "could not be written"));
    return false;
  }
  context_.reader.progress().bytes += file.entry.content.inline_bytes.size();
  context_.bytes_written += file.entry.content.inline_bytes.size();
  REPRIEVE_RETURN_IF_ERROR(finish(file));
  return !file.is_failed;
}

/// Removes what was written; `error` is reported, or ends the run if it concerns every file.
Result<> FileWriter::give_up(TargetFile& file, int error, const std::string& what) {
  file.is_failed = true;
  static_cast<void>(close(file));  // It is removed: nothing is lost.
  if (file.is_created) {
    DirectoryHandles::Pin pin;
    if (context_.handles.pin(*file.directory, pin) == 0)
      ::unlinkat(pin.fd(), file.write_name.c_str(), 0);
    file.is_created = false;
  }
  if (error == 0) return kOk;
  return context_.report_or_fail(error, file.directory->path_of(file.entry.name), what);
}

void FileWriter::abandon(TargetFile& file) {
  const std::lock_guard lock{file.mutex};
  if (!file.is_failed && file.is_created && file.chunks_left > 0)
    ignore_error(give_up(file, 0, {}), "without an errno it cannot fail");
}

Result<> FileWriter::finish(TargetFile& file) {
  const PathOf path = [&] { return file.directory->path_of(file.entry.name); };
  if (const int error = open(file); error != 0) return give_up(file, error, "could not be written");
  context_.metadata.apply(file.handle.fd(), file.entry, !file.directory->inherits_acl,
                          MetadataWriter::Flags::kThawed, path);
  if (const int error = close(file); error != 0)
    return give_up(file, error, "could not be written");
  DirectoryHandles::Pin pin;
  int error = context_.handles.pin(*file.directory, pin);
  if (file.write_name != file.entry.name) {
    if (error == 0 && (file.replaced_flags & kFreezingFlags) != 0)
      thaw_at(pin.fd(), file.entry.name);
    if (error == 0 &&
        ::renameat(pin.fd(), file.write_name.c_str(), pin.fd(), file.entry.name.c_str()) != 0)
      error = errno;
    if (error != 0) return give_up(file, error, "could not be renamed into place");
  }
  // An immutable file can neither be renamed nor linked to.
  if ((file.entry.flags & kFreezingFlags) != 0 && file.entry.link_group == 0) {
    io::FileHandle written;
    if (error == 0) error = open_for_reading(pin.fd(), file.entry.name.c_str(), 0, written);
    if (error == 0)
      context_.metadata.apply_flags(written.fd(), file.entry.flags, path);
    else
      context_.metadata.note("its inode flags could not be set", error, path);
  }
  ++context_.files_written;
  ++context_.reader.progress().files;
  context_.reader.progress().bytes += file.entry.content.size - stored_size(file.entry.content);
  return kOk;
}

}  // namespace reprieve::filesystem
