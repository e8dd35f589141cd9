#include "source/postgresql/wal_spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "io/directory.hpp"
#include "io/durable_file.hpp"

namespace reprieve {

Result<WalSpool> WalSpool::open(std::string folder, Shape shape) {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder));
  WalSpool spool{std::move(folder), shape};
  REPRIEVE_RETURN_IF_ERROR(spool.take_up());
  return spool;
}

std::string WalSpool::path_of(std::uint64_t segment) const {
  return io::path_in(folder_, format_segment_name({shape_.timeline, segment}, shape_.segment_size));
}

Result<> WalSpool::take_up() {
  REPRIEVE_TRY(const auto names, io::list_dir(folder_));
  for (const std::string& name : names) {
    const auto segment = parse_segment_name(name, shape_.segment_size);
    if (!segment || segment->timeline != shape_.timeline) continue;
    const Lsn start = segment_start(segment->segment, shape_.segment_size);
    if (held_ && held_->to != start)
      return Error{ErrorKind::kCorrupt, folder_ + ": a segment is missing before " + name,
                   "Move the folder away: what the repository lacks is streamed anew."};
    REPRIEVE_TRY(const ByteCount size, io::file_size(path_of(segment->segment)));
    if (size.value > shape_.segment_size)
      return Error{ErrorKind::kCorrupt, folder_ + "/" + name + " is longer than a segment"};
    if (!held_) held_ = LsnRange{start, start};
    held_->to = Lsn{start.value + size.value};
  }
  return kOk;
}

Result<> WalSpool::open_segment(std::uint64_t segment) {
  if (open_segment_ == segment) return kOk;
  REPRIEVE_RETURN_IF_ERROR(sync());
  REPRIEVE_TRY(file_, io::open_file(path_of(segment), O_RDWR | O_CREAT | O_NOFOLLOW));
  open_segment_ = segment;
  is_new_ = true;
  return kOk;
}

/// How many of `bytes` are held already and the same. What is held behind the first difference is
/// cut off.
Result<std::size_t> WalSpool::compare(Lsn at, ByteView bytes, Lsn settled) {
  const std::size_t known =
      static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), held_->to.value - at.value));
  Bytes there(known);
  REPRIEVE_RETURN_IF_ERROR(read(at, there));
  const auto differs = std::ranges::mismatch(there, bytes.first(known)).in1;
  const auto same = static_cast<std::size_t>(differs - there.begin());
  if (same == known) return known;
  const Lsn from{at.value + same};
  if (from < settled)
    return Error{
        ErrorKind::kConflict,
        "the server's log at " + format_lsn(from) + " is not what was received from there before",
        "The server lost what it had sent, or is another one under the same identity. Move "
        "the receiver's folder " +
            folder_ + " away and take a new backup."};
  REPRIEVE_RETURN_IF_ERROR(open_segment(segment_of(from, shape_.segment_size)));
  if (::ftruncate(file_.fd(), static_cast<off_t>(from.value % shape_.segment_size)) != 0)
    return error_from_errno(errno, "cut " + folder_);
  held_->to = from;
  is_dirty_ = true;
  return same;
}

Result<> WalSpool::write(Lsn at, ByteView bytes, Lsn settled) {
  if (!held_) {
    if (at.value % shape_.segment_size != 0)
      return Error{ErrorKind::kInvalid, folder_ + ": a log is spooled from a segment's start on"};
    held_ = LsnRange{at, at};
  }
  while (!bytes.empty()) {
    if (at < held_->from || at > held_->to)
      return Error{ErrorKind::kInvalid, folder_ + ": a gap before " + format_lsn(at)};
    const std::uint64_t in_segment = at.value % shape_.segment_size;
    std::size_t size = static_cast<std::size_t>(
        std::min<std::uint64_t>(bytes.size(), shape_.segment_size - in_segment));
    if (at < held_->to) {
      REPRIEVE_TRY(const std::size_t same, compare(at, bytes.first(size), settled));
      size = same;
    } else {
      REPRIEVE_RETURN_IF_ERROR(open_segment(segment_of(at, shape_.segment_size)));
      REPRIEVE_RETURN_IF_ERROR(io::pwrite_all(file_, bytes.first(size), ByteOffset{in_segment}));
      is_dirty_ = true;
      held_->to = Lsn{at.value + size};
    }
    at = Lsn{at.value + size};
    bytes = bytes.subspan(size);
  }
  return kOk;
}

Result<> WalSpool::sync() {
  if (is_dirty_) REPRIEVE_RETURN_IF_ERROR(io::sync_data(file_));
  is_dirty_ = false;
  if (!is_new_) return kOk;
  REPRIEVE_TRY(const io::Directory folder, io::Directory::open(folder_));
  REPRIEVE_RETURN_IF_ERROR(folder.sync());
  is_new_ = false;
  return kOk;
}

Result<> WalSpool::read(Lsn from, MutableByteView out) const {
  while (!out.empty()) {
    const std::uint64_t at = from.value % shape_.segment_size;
    const std::size_t size =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), shape_.segment_size - at));
    REPRIEVE_TRY(
        const io::FileHandle file,
        io::open_file(path_of(segment_of(from, shape_.segment_size)), O_RDONLY | O_NOFOLLOW));
    REPRIEVE_RETURN_IF_ERROR(io::pread_exact(file, out.first(size), ByteOffset{at}));
    from = Lsn{from.value + size};
    out = out.subspan(size);
  }
  return kOk;
}

Result<> WalSpool::drop_before(Lsn lsn) {
  if (!held_) return kOk;
  while (true) {
    const std::uint64_t first = segment_of(held_->from, shape_.segment_size);
    const Lsn end = segment_start(first + 1, shape_.segment_size);
    if (end > lsn || end >= held_->to) return kOk;
    if (::unlink(path_of(first).c_str()) != 0 && errno != ENOENT)
      return error_from_errno(errno, "remove " + path_of(first));
    held_->from = end;
  }
}

}  // namespace reprieve
