#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "io/directory.hpp"

namespace reprieve::io {
namespace {

/// Each level holds one descriptor open, and the usual limit is 1024. What lies deeper is moved up.
constexpr int kDepthMax = 200;

/// Gives the owner all rights on a folder, so that what is in it can be removed. By descriptor: a
/// name could be swapped for a link between two looks.
void open_up(const Directory& parent, const std::string& name) {
  const FileHandle node{
      ::openat(parent.fd(), name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC)};
  if (!node.is_open()) return;
  const std::string proc = "/proc/self/fd/" + std::to_string(node.fd());
  static_cast<void>(::chmod(proc.c_str(), 0700));  // If it fails, the next step says why.
}

/// Takes the marks away that forbid changes; if that fails, the next step says why.
void thaw(int fd) {
  int flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return;
  const int thawed = flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
  if (thawed != flags) static_cast<void>(::ioctl(fd, FS_IOC_SETFLAGS, &thawed));
}

/// One removal in progress.
class Removal {
 public:
  Removal(Immutable immutable, std::uint64_t& removed)
      : is_thawing_{immutable == Immutable::kThaw}, removed_{removed} {}

  /// `depth` counts from the folder that is removed. An absent name is success.
  Result<> remove(const Directory& parent, const std::string& name, int depth) {
    const auto status = parent.stat(name);
    if (!status) return unless_absent(status.error());
    const bool is_folder = S_ISDIR(status->st_mode);
    auto removed = !is_folder          ? remove_file(parent, name, S_ISREG(status->st_mode))
                   : depth > kDepthMax ? move_up(parent, name)
                                       : remove_folder(parent, name, depth);
    if (removed) return kOk;
    return unless_absent(depth == 0 ? removed.error() : Error{removed.error()}.at(name));
  }

 private:
  static Result<> unless_absent(const Error& error) {
    if (error.kind == ErrorKind::kNotFound) return kOk;  // Somebody else removed it meanwhile.
    return error;
  }

  Result<> remove_file(const Directory& parent, const std::string& name, bool is_regular) {
    auto removed = parent.remove_file(name);
    if (!removed && removed.error().kind == ErrorKind::kDenied && is_thawing_ && is_regular) {
      if (const auto file = parent.open_file(name, O_RDONLY)) thaw(file->fd());
      removed = parent.remove_file(name);
    }
    if (removed) ++removed_;
    return removed;
  }

  Result<> remove_folder(const Directory& parent, const std::string& name, int depth) {
    auto folder = parent.open_directory(name);
    if (!folder && folder.error().kind == ErrorKind::kDenied) {
      open_up(parent, name);
      folder = parent.open_directory(name);
    }
    if (!folder) return std::move(folder).error();
    if (is_thawing_) thaw(folder->fd());
    if (::faccessat(folder->fd(), ".", R_OK | W_OK | X_OK, 0) != 0) open_up(parent, name);
    if (depth == 0) top_ = &*folder;
    bool has_more = true;
    while (has_more) {
      REPRIEVE_TRY(const auto entries, folder->list());
      for (const DirectoryEntry& entry : entries)
        REPRIEVE_RETURN_IF_ERROR(remove(*folder, entry.name, depth + 1));
      // Only into the top folder may anything have been moved since.
      has_more = depth == 0 && !entries.empty();
    }
    auto removed = parent.remove_directory(name);
    if (removed) ++removed_;
    return removed;
  }

  Result<> move_up(const Directory& parent, const std::string& name) {
    open_up(parent, name);  // Moving a folder writes its "..".
    if (is_thawing_) {
      if (const auto folder = parent.open_directory(name)) thaw(folder->fd());
    }
    while (true) {
      auto moved = parent.rename_new(name, *top_, "reprieve-removes-" + std::to_string(++moved_));
      if (moved || moved.error().kind != ErrorKind::kConflict) return moved;
    }
  }

  const bool is_thawing_;
  std::uint64_t& removed_;
  const Directory* top_ = nullptr;
  int moved_ = 0;
};

}  // namespace

Result<> remove_tree(const std::string& path) {
  auto parent = Directory::open(parent_of(path));
  if (!parent && parent.error().kind == ErrorKind::kNotFound) return kOk;
  if (!parent) return std::move(parent).error().at("remove " + path);
  std::uint64_t count = 0;
  auto removed = remove_tree(*parent, name_in(path), Immutable::kRespect, count);
  if (!removed) return std::move(removed).error().at("remove " + path);
  return kOk;
}

Result<> remove_tree(const Directory& parent, const std::string& name, Immutable immutable,
                     std::uint64_t& removed) {
  return Removal{immutable, removed}.remove(parent, name, 0);
}

}  // namespace reprieve::io
