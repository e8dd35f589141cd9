#include "source/filesystem/internal/metadata_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "source/filesystem/internal/entry_capture.hpp"

namespace reprieve::filesystem {
namespace {

constexpr std::uint16_t kSetIdBits = S_ISUID | S_ISGID;

std::array<struct timespec, 2> times_of(const Entry& entry) {
  std::array<struct timespec, 2> times{};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = entry.modified.seconds;
  times[1].tv_nsec = entry.modified.nanoseconds;
  return times;
}

/// The calls on an open file.
struct OnFile {
  int fd;
  int read(std::vector<Xattr>& out) const { return read_xattrs(fd, out); }
  int set(const Xattr& xattr) const {
    return ::fsetxattr(fd, xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) == 0
               ? 0
               : errno;
  }
  int remove(const std::string& name) const {
    return ::fremovexattr(fd, name.c_str()) == 0 ? 0 : errno;
  }
};

/// The calls on a name, through /proc so that depth does not matter.
struct OnName {
  int directory_fd;
  const std::string& name;
  int read(std::vector<Xattr>& out) const { return read_xattrs_at(directory_fd, name, out); }
  int set(const Xattr& xattr) const {
    return ::lsetxattr(proc_path(directory_fd, name).c_str(), xattr.name.c_str(),
                       xattr.value.data(), xattr.value.size(), 0) == 0
               ? 0
               : errno;
  }
  int remove(const std::string& xattr) const {
    return ::lremovexattr(proc_path(directory_fd, name).c_str(), xattr.c_str()) == 0 ? 0 : errno;
  }
};

}  // namespace

void MetadataWriter::note(const std::string& what, int error, const PathOf& path) {
  const std::lock_guard lock{mutex_};
  Shortfall& shortfall = shortfalls_[failure(what, error)];
  if (shortfall.count++ == 0) shortfall.first_path = path();
}

std::vector<Problem> MetadataWriter::problems() const {
  const std::lock_guard lock{mutex_};
  std::vector<Problem> out;
  for (const auto& [what, shortfall] : shortfalls_) {
    std::string text = what;
    if (shortfall.count > 1) text += " (and of " + std::to_string(shortfall.count - 1) + " others)";
    out.push_back({Problem::Kind::kUnsupported, shortfall.first_path, std::move(text)});
  }
  return out;
}

Owner MetadataWriter::wanted_owner(const Entry& entry) {
  return owners_ == RestoreOptions::Owners::kByName ? names_.resolve(entry.owner) : entry.owner;
}

bool MetadataWriter::has_owner_and_mode(const Inode& inode, const Entry& entry) {
  if (owners_ == RestoreOptions::Owners::kSkip)
    return inode.mode == (entry.mode & ~kSetIdBits) && inode.modified == entry.modified;
  const Owner owner = wanted_owner(entry);
  return inode.uid == owner.uid && inode.gid == owner.gid && inode.modified == entry.modified &&
         (inode.mode == entry.mode || inode.type == EntryType::kSymlink);
}

bool MetadataWriter::is_applied(int fd, const Inode& inode, const Entry& entry) {
  std::vector<Xattr> present;
  return has_owner_and_mode(inode, entry) && read_flags(fd) == entry.flags &&
         read_xattrs(fd, present) == 0 && present == entry.xattrs;
}

bool MetadataWriter::is_applied_at(int directory_fd, const std::string& name, const Inode& inode,
                                   const Entry& entry) {
  std::vector<Xattr> present;
  return has_owner_and_mode(inode, entry) && read_xattrs_at(directory_fd, name, present) == 0 &&
         present == entry.xattrs;
}

template <class Calls>
void MetadataWriter::write_xattrs(const Calls& calls, const Entry& entry, bool is_new,
                                  const PathOf& path) {
  std::vector<Xattr> present;
  if (!is_new) {
    if (const int error = calls.read(present); error != 0)
      note("the extended attributes that were there could not be read", error, path);
    for (const Xattr& xattr : present) {
      const bool is_wanted = std::ranges::binary_search(entry.xattrs, xattr.name, {}, &Xattr::name);
      // What the system's security policy gave to a file here is not for a backup to take away.
      if (is_wanted || xattr.name == "security.selinux") continue;
      if (const int error = calls.remove(xattr.name); error != 0 && error != ENODATA)
        note("extended attribute " + xattr.name + " could not be removed", error, path);
    }
  }
  for (const Xattr& xattr : entry.xattrs) {
    if (std::ranges::binary_search(present, xattr)) continue;
    if (const int error = calls.set(xattr); error != 0)
      note("extended attribute " + xattr.name + " could not be set", error, path);
  }
}

void MetadataWriter::apply(int fd, const Entry& entry, bool is_new, Flags flags,
                           const PathOf& path) {
  std::uint16_t mode = entry.mode;
  if (owners_ == RestoreOptions::Owners::kSkip) {
    // A setuid program of somebody else must not become one of ours.
    mode &= static_cast<std::uint16_t>(~kSetIdBits);
  } else {
    const Owner owner = wanted_owner(entry);
    if (::fchown(fd, owner.uid, owner.gid) != 0) {
      note("its owner could not be set", errno, path);
      mode &= static_cast<std::uint16_t>(~kSetIdBits);
    }
  }
  if (::fchmod(fd, mode) != 0) note("its mode could not be set", errno, path);
  write_xattrs(OnFile{fd}, entry, is_new, path);
  const auto times = times_of(entry);
  if (::futimens(fd, times.data()) != 0) note("its time could not be set", errno, path);
  apply_flags(fd, flags == Flags::kAll ? entry.flags : entry.flags & ~kFreezingFlags, path);
}

void MetadataWriter::apply_flags(int fd, std::uint32_t flags, const PathOf& path) {
  if (flags == 0 && read_flags(fd) == 0) return;
  if (const int error = write_flags(fd, flags); error != 0)
    note("its inode flags could not be set", error, path);
}

void MetadataWriter::apply_at(int directory_fd, const std::string& name, const Entry& entry,
                              bool is_new, const PathOf& path) {
  std::uint16_t mode = entry.mode;
  if (owners_ == RestoreOptions::Owners::kSkip) {
    mode &= static_cast<std::uint16_t>(~kSetIdBits);
  } else {
    const Owner owner = wanted_owner(entry);
    if (::fchownat(directory_fd, name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      note("its owner could not be set", errno, path);
      mode &= static_cast<std::uint16_t>(~kSetIdBits);
    }
  }
  // Linux symlinks have no mode of their own.
  if (entry.type != EntryType::kSymlink &&
      ::fchmodat(directory_fd, name.c_str(), mode, AT_SYMLINK_NOFOLLOW) != 0)
    note("its mode could not be set", errno, path);
  write_xattrs(OnName{directory_fd, name}, entry, is_new, path);
  const auto times = times_of(entry);
  if (::utimensat(directory_fd, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    note("its time could not be set", errno, path);
}

}  // namespace reprieve::filesystem
