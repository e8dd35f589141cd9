#include "source/filesystem/internal/file_writer.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "source/filesystem/internal/entry_capture.hpp"
#include "source/filesystem/internal/file_cache.hpp"
#include "source/filesystem/internal/remove_at.hpp"
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
  std::uint64_t file_offset = 0;
  std::uint64_t skip = stored_offset;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const bool is_last = i == content.holes.size();
    const std::uint64_t end = is_last ? content.size : content.holes[i].offset;
    const std::uint64_t length = end - file_offset;
    if (skip < length) {
      const auto part =
          static_cast<std::size_t>(std::min<std::uint64_t>(length - skip, bytes.size()));
      if (const int error = write_all(fd, bytes.first(part), file_offset + skip); error != 0)
        return error;
      bytes = bytes.subspan(part);
      skip = 0;
    } else {
      skip -= length;
    }
    if (is_last) return bytes.empty() ? 0 : EFBIG;
    file_offset = content.holes[i].offset + content.holes[i].length;
  }
  return 0;
}

}  // namespace

std::string temporary_name(std::string_view name, unsigned attempt) {
  const std::uint64_t hash = hash_of_child(attempt, name);
  return ".reprieve-" + to_hex(std::as_bytes(std::span{&hash, 1})) + ".part";
}

int FileWriter::create(TargetFile& file, int directory_fd) {
  const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = ::openat(directory_fd, file.write_name.c_str(), flags, 0600);
  if (fd < 0 && errno == EEXIST && file.write_name != file.entry.name) {
    // Ours, from a run that was interrupted.
    std::uint64_t removed = 0;
    if (const int error = remove_at(directory_fd, file.write_name, removed); error != 0)
      return error;
    fd = ::openat(directory_fd, file.write_name.c_str(), flags, 0600);
  }
  if (fd < 0) return errno;
  file.fd = Descriptor{fd};
  file.is_created = true;
  // These two only work on an empty file; whether they did is seen when all flags are set.
  if ((file.entry.flags & (FS_NOCOW_FL | FS_COMPR_FL)) != 0)
    write_flags(fd, file.entry.flags & (FS_NOCOW_FL | FS_COMPR_FL));
  if (!file.entry.content.holes.empty() &&
      ::ftruncate(fd, static_cast<off_t>(file.entry.content.size)) != 0)
    return errno;
  return 0;
}

int FileWriter::open(TargetFile& file) {
  if (file.fd.is_open()) return 0;
  DirectoryHandles::Pin pin;
  if (const int error = context_.handles.pin(*file.directory, pin); error != 0) return error;
  if (!file.is_created) {
    if (const int error = create(file, pin.fd()); error != 0) return error;
  } else {
    const int fd =
        ::openat(pin.fd(), file.write_name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return errno;
    file.fd = Descriptor{fd};
  }
  ++open_files_;
  return 0;
}

Result<bool> FileWriter::write_chunk(TargetFile& file, std::uint64_t stored_offset,
                                     ByteView bytes) {
  const std::lock_guard lock{file.mutex};
  if (!file.is_failed) {
    int error = open(file);
    if (error == 0)
      error = write_between_holes(file.fd.get(), file.entry.content, stored_offset, bytes);
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
    if (file.fd.is_open() && open_files_ > kOpenFilesMax) {
      file.fd.reset();
      --open_files_;
    }
    return false;
  }
  if (!file.is_failed) REPRIEVE_RETURN_IF_ERROR(finish(file));
  return true;
}

Result<bool> FileWriter::write_whole(TargetFile& file) {
  const std::lock_guard lock{file.mutex};
  int error = open(file);
  if (error == 0)
    error =
        write_between_holes(file.fd.get(), file.entry.content, 0, file.entry.content.inline_bytes);
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
  if (file.fd.is_open()) --open_files_;
  file.fd.reset();
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
  context_.metadata.apply(file.fd.get(), file.entry, !file.directory->inherits_acl,
                          MetadataWriter::Flags::kThawed, path);
  if (file.write_name != file.entry.name) {
    DirectoryHandles::Pin pin;
    int error = context_.handles.pin(*file.directory, pin);
    if (error == 0 && (file.replaced_flags & kFreezingFlags) != 0)
      thaw_at(pin.fd(), file.entry.name);
    if (error == 0 &&
        ::renameat(pin.fd(), file.write_name.c_str(), pin.fd(), file.entry.name.c_str()) != 0)
      error = errno;
    if (error != 0) return give_up(file, error, "could not be renamed into place");
  }
  // An immutable file can neither be renamed nor linked to.
  if (file.entry.link_group == 0) context_.metadata.apply_flags(file.fd.get(), file.entry, path);
  file.fd.reset();
  --open_files_;
  ++context_.files_written;
  ++context_.reader.progress().files;
  context_.reader.progress().bytes += file.entry.content.size - stored_size(file.entry.content);
  return kOk;
}

}  // namespace reprieve::filesystem
