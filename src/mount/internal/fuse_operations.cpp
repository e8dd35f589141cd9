#define FUSE_USE_VERSION 314
#include "mount/internal/fuse_operations.hpp"

#include <fuse_lowlevel.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace reprieve::mount {
namespace {

/// Nothing in a point ever changes, so the kernel may keep what it was told until it needs the
/// room.
constexpr double kForEver = 365.0 * 86'400;
/// More pieces than this are copied together: writev(2) takes 1024.
constexpr std::size_t kPiecesMax = 256;
constexpr unsigned kBackgroundRequests = 64;
/// The kernel refuses a listing with a longer name (FUSE_NAME_MAX).
constexpr std::size_t kNameMax = 1024;

FileSystem& system_of(fuse_req_t request) {
  return *static_cast<FileSystem*>(::fuse_req_userdata(request));
}

int errno_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kNotFound:
      return EIO;  // A chunk that is gone. Names that are not there are no errors.
    case ErrorKind::kDenied:
      return EACCES;
    case ErrorKind::kInvalid:
      return EINVAL;
    case ErrorKind::kExhausted:
      return ENOMEM;
    case ErrorKind::kCancelled:
      return EINTR;
    case ErrorKind::kConflict:
    case ErrorKind::kCorrupt:
    case ErrorKind::kTransient:
      break;
  }
  return EIO;
}

void fail(fuse_req_t request, const Error& error) {
  ::fuse_reply_err(request, errno_of(error));
}

mode_t type_bits(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return S_IFREG;
    case EntryType::kDirectory:
      return S_IFDIR;
    case EntryType::kSymlink:
      return S_IFLNK;
    case EntryType::kFifo:
      return S_IFIFO;
    case EntryType::kSocket:
      return S_IFSOCK;
    case EntryType::kCharDevice:
      return S_IFCHR;
    case EntryType::kBlockDevice:
      return S_IFBLK;
  }
  return S_IFREG;
}

struct ::stat stat_of(const Attributes& attributes) {
  constexpr std::uint64_t kStatBlock = 512;
  const Entry& entry = attributes.entry;
  struct ::stat out = {};
  out.st_ino = attributes.number;
  out.st_mode = type_bits(entry.type) | entry.mode;
  out.st_nlink = attributes.links;
  out.st_uid = entry.owner.uid;
  out.st_gid = entry.owner.gid;
  out.st_rdev = makedev(entry.device_major, entry.device_minor);
  out.st_size = static_cast<off_t>(entry.content.size);
  out.st_blocks = static_cast<blkcnt_t>((attributes.stored_bytes + kStatBlock - 1) / kStatBlock);
  // Times of change and access were not captured.
  out.st_mtim = {entry.modified.seconds, entry.modified.nanoseconds};
  out.st_ctim = out.st_mtim;
  out.st_atim = out.st_mtim;
  return out;
}

::fuse_entry_param entry_param(const Attributes& attributes) {
  ::fuse_entry_param param = {};
  param.ino = attributes.number;
  param.attr = stat_of(attributes);
  param.attr_timeout = kForEver;
  param.entry_timeout = kForEver;
  return param;
}

void on_init(void*, ::fuse_conn_info* connection) {
  connection->max_background = kBackgroundRequests;
  connection->congestion_threshold = kBackgroundRequests * 3 / 4;
  connection->time_gran = 1;
  connection->want |= connection->capable & FUSE_CAP_CACHE_SYMLINKS;
}

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const auto found = system_of(request).look_up(parent, name);
  if (!found) {
    fail(request, found.error());
    return;
  }
  ::fuse_entry_param param = {};  // Number 0: there is no such name, which may be remembered.
  param.entry_timeout = kForEver;
  if (*found) param = entry_param(**found);
  if (::fuse_reply_entry(request, &param) != 0 && param.ino != 0)
    system_of(request).forget(param.ino, 1);
}

void on_forget(fuse_req_t request, fuse_ino_t number, std::uint64_t lookups) {
  system_of(request).forget(number, lookups);
  ::fuse_reply_none(request);
}

void on_forget_multi(fuse_req_t request, std::size_t count, ::fuse_forget_data* forgets) {
  for (const ::fuse_forget_data& forget : std::span{forgets, count})
    system_of(request).forget(forget.ino, forget.nlookup);
  ::fuse_reply_none(request);
}

void on_getattr(fuse_req_t request, fuse_ino_t number, ::fuse_file_info*) {
  const auto found = system_of(request).attributes(number);
  if (!found) {
    fail(request, found.error());
    return;
  }
  const struct ::stat state = stat_of(*found);
  ::fuse_reply_attr(request, &state, kForEver);
}

void on_readlink(fuse_req_t request, fuse_ino_t number) {
  const auto entry = system_of(request).entry(number);
  if (!entry)
    fail(request, entry.error());
  else if (entry->type != EntryType::kSymlink)
    ::fuse_reply_err(request, EINVAL);
  else
    ::fuse_reply_readlink(request, entry->target.c_str());
}

/// ENOSYS means: there is nothing to open or close, do not ask again, and keep what you read.
void on_open(fuse_req_t request, fuse_ino_t, ::fuse_file_info*) {
  ::fuse_reply_err(request, ENOSYS);
}

void on_read(fuse_req_t request, fuse_ino_t number, std::size_t size, off_t offset,
             ::fuse_file_info*) {
  const auto pieces = system_of(request).read(number, static_cast<std::uint64_t>(offset), size);
  if (!pieces) {
    fail(request, pieces.error());
    return;
  }
  if (pieces->size() > kPiecesMax) {
    Bytes together;
    together.reserve(size);
    for (const FileReader::Piece& piece : *pieces)
      together.insert(together.end(), piece.bytes.begin(), piece.bytes.end());
    ::fuse_reply_buf(request, reinterpret_cast<const char*>(together.data()), together.size());
    return;
  }
  std::vector<::iovec> vectors;
  vectors.reserve(pieces->size());
  for (const FileReader::Piece& piece : *pieces)
    vectors.push_back({const_cast<std::byte*>(piece.bytes.data()), piece.bytes.size()});
  ::fuse_reply_iov(request, vectors.data(), static_cast<int>(vectors.size()));
}

/// A page of a listing as it is filled: "." and ".." are at 0 and 1, names behind them.
class Page {
 public:
  Page(fuse_req_t request, std::size_t size, bool is_plus)
      : request_{request}, buffer_(size), is_plus_{is_plus} {}

  /// False if there is no more room.
  bool add(const char* name, const ::fuse_entry_param& param, off_t next) {
    char* to = buffer_.data() + used_;
    const std::size_t left = buffer_.size() - used_;
    const std::size_t taken =
        is_plus_ ? ::fuse_add_direntry_plus(request_, to, left, name, &param, next)
                 : ::fuse_add_direntry(request_, to, left, name, &param.attr, next);
    if (taken > left) return false;
    used_ += taken;
    return true;
  }
  void reply() { ::fuse_reply_buf(request_, buffer_.data(), used_); }

 private:
  const fuse_req_t request_;
  std::vector<char> buffer_;
  const bool is_plus_;
  std::size_t used_ = 0;
};

/// Number and type only.
::fuse_entry_param plain_param(std::uint64_t number, EntryType type) {
  ::fuse_entry_param param = {};
  param.attr.st_ino = number;
  param.attr.st_mode = type_bits(type);
  return param;
}

void read_directory(fuse_req_t request, fuse_ino_t number, std::size_t size, off_t offset,
                    bool is_plus) {
  FileSystem& system = system_of(request);
  const auto directory = system.directory(number);
  auto listing = directory ? system.list(**directory)
                           : Result<std::shared_ptr<const Listing>>{directory.error()};
  if (!listing) {
    fail(request, listing.error());
    return;
  }
  Page page{request, size, is_plus};
  const std::uint64_t above = (*directory)->parent ? (*directory)->parent->number : number;
  // Attributes of a point's folder cost a look into the point: only who asks for them gets them.
  const bool is_plus_here = is_plus && (*directory)->kind == Directory::Kind::kTree;
  for (auto at = static_cast<std::size_t>(offset); at < (*listing)->size() + 2; ++at) {
    const auto next = static_cast<off_t>(at + 1);
    if (at < 2) {
      if (!page.add(at == 0 ? "." : "..",
                    plain_param(at == 0 ? number : above, EntryType::kDirectory), next))
        break;
      continue;
    }
    const std::size_t index = at - 2;
    const Entry& entry = (**listing)[index].entry;
    if (entry.name.size() > kNameMax) continue;
    if (!is_plus_here) {
      const std::uint64_t its_number = FileSystem::number_of(**directory, **listing, index);
      if (!page.add(entry.name.c_str(), plain_param(its_number, entry.type), next)) break;
      continue;
    }
    const auto attributes = system.remember(*directory, **listing, index);
    if (!attributes) {
      fail(request, attributes.error());
      return;
    }
    if (!page.add(entry.name.c_str(), entry_param(*attributes), next)) {
      system.forget(attributes->number, 1);
      break;
    }
  }
  page.reply();
}

void on_readdir(fuse_req_t request, fuse_ino_t number, std::size_t size, off_t offset,
                ::fuse_file_info*) {
  read_directory(request, number, size, offset, false);
}

void on_readdirplus(fuse_req_t request, fuse_ino_t number, std::size_t size, off_t offset,
                    ::fuse_file_info*) {
  read_directory(request, number, size, offset, true);
}

/// The two-step protocol of getxattr(2) and listxattr(2): size 0 asks how much there is.
void reply_xattr(fuse_req_t request, ByteView value, std::size_t size) {
  if (size == 0)
    ::fuse_reply_xattr(request, value.size());
  else if (value.size() > size)
    ::fuse_reply_err(request, ERANGE);
  else
    ::fuse_reply_buf(request, reinterpret_cast<const char*>(value.data()), value.size());
}

void on_getxattr(fuse_req_t request, fuse_ino_t number, const char* name, std::size_t size) {
  const auto entry = system_of(request).entry(number);
  if (!entry) {
    fail(request, entry.error());
    return;
  }
  const auto found = std::ranges::find(entry->xattrs, std::string_view{name}, &Xattr::name);
  if (found == entry->xattrs.end())
    ::fuse_reply_err(request, ENODATA);
  else
    reply_xattr(request, found->value, size);
}

void on_listxattr(fuse_req_t request, fuse_ino_t number, std::size_t size) {
  const auto entry = system_of(request).entry(number);
  if (!entry) {
    fail(request, entry.error());
    return;
  }
  std::string names;
  for (const Xattr& xattr : entry->xattrs) {
    names += xattr.name;
    names += '\0';
  }
  reply_xattr(request, as_bytes(names), size);
}

void on_lseek(fuse_req_t request, fuse_ino_t number, off_t offset, int whence, ::fuse_file_info*) {
  const auto entry = system_of(request).entry(number);
  if (!entry) {
    fail(request, entry.error());
    return;
  }
  const auto found =
      seek_content(entry->content, static_cast<std::uint64_t>(offset), whence == SEEK_DATA);
  if (found)
    ::fuse_reply_lseek(request, static_cast<off_t>(*found));
  else
    ::fuse_reply_err(request, ENXIO);
}

void on_statfs(fuse_req_t request, fuse_ino_t) {
  struct ::statvfs state = {};
  state.f_bsize = 4096;
  state.f_frsize = 4096;
  state.f_namemax = 255;
  state.f_flag = ST_RDONLY;
  ::fuse_reply_statfs(request, &state);
}

}  // namespace

const ::fuse_lowlevel_ops& fuse_operations() {
  static const ::fuse_lowlevel_ops operations = [] {
    ::fuse_lowlevel_ops ops = {};
    ops.init = on_init;
    ops.lookup = on_lookup;
    ops.forget = on_forget;
    ops.forget_multi = on_forget_multi;
    ops.getattr = on_getattr;
    ops.readlink = on_readlink;
    ops.open = on_open;
    ops.opendir = on_open;
    ops.read = on_read;
    ops.readdir = on_readdir;
    ops.readdirplus = on_readdirplus;
    ops.getxattr = on_getxattr;
    ops.listxattr = on_listxattr;
    ops.lseek = on_lseek;
    ops.statfs = on_statfs;
    return ops;
  }();
  return operations;
}

}  // namespace reprieve::mount
