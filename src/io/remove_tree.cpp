#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "io/directory.hpp"

namespace reprieve::io {
namespace {

/// Each level holds one descriptor open; the usual limit is 1024.
constexpr int kDepthMax = 500;

/// Gives the owner all rights on a folder, so that what is in it can be removed. By descriptor: a
/// name could be swapped for a link between two looks.
void open_up(const Directory& parent, const std::string& name) {
  const FileHandle node{
      ::openat(parent.fd(), name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC)};
  if (!node.is_open()) return;
  const std::string proc = "/proc/self/fd/" + std::to_string(node.fd());
  static_cast<void>(::chmod(proc.c_str(), 0700));  // If it fails, the next step says why.
}

Result<> remove_below(const Directory& parent, const std::string& name, int depth);

Result<> remove_folder(const Directory& parent, const std::string& name, int depth) {
  if (depth > kDepthMax)
    return Error{ErrorKind::kExhausted, "more than " + std::to_string(kDepthMax) + " levels deep"};
  auto folder = parent.open_directory(name);
  if (!folder && folder.error().kind == ErrorKind::kDenied) {
    open_up(parent, name);
    folder = parent.open_directory(name);
  }
  if (!folder) return std::move(folder).error();
  if (::faccessat(folder->fd(), ".", R_OK | W_OK | X_OK, 0) != 0) open_up(parent, name);
  REPRIEVE_TRY(const auto entries, folder->list());
  for (const DirectoryEntry& entry : entries)
    REPRIEVE_RETURN_IF_ERROR(remove_below(*folder, entry.name, depth + 1));
  return parent.remove_directory(name);
}

Result<> remove_below(const Directory& parent, const std::string& name, int depth) {
  auto status = parent.stat(name);
  if (!status && status.error().kind == ErrorKind::kNotFound) return kOk;
  if (!status) return std::move(status).error();
  auto removed =
      S_ISDIR(status->st_mode) ? remove_folder(parent, name, depth) : parent.remove_file(name);
  if (!removed && removed.error().kind == ErrorKind::kNotFound) return kOk;
  if (!removed && depth == 0) return std::move(removed).error();
  if (!removed) return std::move(removed).error().at(name);
  return kOk;
}

}  // namespace

Result<> remove_tree(const std::string& path) {
  auto parent = Directory::open(parent_of(path));
  if (!parent && parent.error().kind == ErrorKind::kNotFound) return kOk;
  if (!parent) return std::move(parent).error().at("remove " + path);
  auto removed = remove_below(*parent, name_in(path), 0);
  if (!removed) return std::move(removed).error().at("remove " + path);
  return kOk;
}

}  // namespace reprieve::io
