#include "source/filesystem/internal/restore_run.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "source/filesystem/internal/entry_capture.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::filesystem {
namespace {

constexpr mode_t kOwnerOnly = 0700;  // Of a directory until all in it is done.

std::string_view without_slashes(std::string_view path) {
  while (path.starts_with('/'))
    path.remove_prefix(1);
  while (path.ends_with('/'))
    path.remove_suffix(1);
  return path;
}

/// Empty for the file system's root.
bool is_safe_path(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (!is_safe_name(path.substr(0, slash))) return false;
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return true;
}

}  // namespace

std::string joined(std::string_view directory, std::string_view name) {
  std::string out{directory};
  if (!out.empty()) out += '/';
  return out.append(name);
}

RestoreRun::RestoreRun(RestoreReader& reader, const RestoreOptions& options)
    : context_{reader, options}, writer_{context_}, selection_{options.only} {}

Result<RestoreSummary> RestoreRun::run(std::vector<Entry> roots) {
  REPRIEVE_TRY(const Shared target, open_target());
  auto done = add_roots(target, std::move(roots));
  // Files of a batch that was not fetched to its end are incomplete.
  for (const auto& file : batch_.files)
    writer_.abandon(*file);
  if (!done) return std::move(done).error();
  REPRIEVE_RETURN_IF_ERROR(make_links());
  complete(target);
  for (Problem& problem : context_.metadata.problems())
    context_.report(problem.kind, std::move(problem.path), std::move(problem.what));
  if (const auto missing = selection_.missing(); !missing.empty())
    return Error{ErrorKind::kNotFound, "restore: the recovery point has no '" + missing[0] + "'",
                 "Give paths as they were captured, or relative to what was captured."};
  RestoreSummary summary;
  summary.files = context_.files;
  summary.directories = context_.directories;
  summary.bytes = context_.bytes;
  summary.files_written = context_.files_written;
  summary.bytes_written = context_.bytes_written;
  summary.bytes_kept = context_.bytes_kept;
  summary.files_unchanged = context_.files_unchanged;
  summary.deleted = context_.deleted;
  summary.problems = context_.problems;
  return summary;
}

Result<RestoreRun::Shared> RestoreRun::open_target() {
  const std::string& path = context_.options.target;
  if (path.empty()) return Error{ErrorKind::kInvalid, "restore: no target was given"};
  auto target = std::make_shared<TargetDirectory>();
  target->name = path;
  target->is_root = true;
  struct stat found;
  target->exists = ::stat(path.c_str(), &found) == 0;
  target->verdict = Selection::Verdict::kOnTheWay;
  if (!target->exists && context_.options.dry_run) {
    target->is_virtual = true;
    return target;
  }
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return error_from_errno(error.value(), "make " + path);
  io::FileHandle handle{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!handle.is_open()) return error_from_errno(errno, "open " + path);
  target->inherits_acl = ::fgetxattr(handle.fd(), "system.posix_acl_default", nullptr, 0) >= 0;
  context_.handles.adopt(*target, std::move(handle));
  return target;
}

Result<> RestoreRun::add_roots(const Shared& target, std::vector<Entry> roots) {
  const bool is_single = roots.size() == 1;
  // One after the other: a root may lie inside another one.
  for (Entry& root : roots) {
    const std::string path{without_slashes(root.name)};
    if (!is_safe_path(path)) {
      context_.report(Problem::Kind::kUnreadable, root.name,
                      "could not be restored: its name is not one that a file can have");
      continue;
    }
    const std::size_t slash = path.rfind('/');
    const std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
    if (root.type == EntryType::kDirectory && (is_single || path.empty())) {
      target->whole_path = path;
      target->relative_path = is_single ? "" : path;
      target->verdict = selection_.judge(target->whole_path, target->relative_path);
      target->entry = std::move(root);
      target->has_entry = true;
      ++target->pending;
      ++context_.directories;
      if (target->verdict == Selection::Verdict::kOutside)
        complete(target);
      else
        stack_.push_back(target);
    } else {
      REPRIEVE_TRY(const Shared directory, directory_at(target, is_single ? "" : above));
      if (!directory) continue;
      directory->whole_path = above;
      directory->relative_path = is_single ? "" : above;
      directory->verdict = Selection::Verdict::kOnTheWay;
      root.name = path.substr(above.empty() ? 0 : above.size() + 1);
      std::vector<Entry> only_root;
      only_root.push_back(std::move(root));
      REPRIEVE_RETURN_IF_ERROR(place_all(directory, std::move(only_root)));
      for (Shared at = directory; at != target; at = at->up())
        complete(at);
    }
    work_all();
    if (error_) return *std::move(error_);
    REPRIEVE_RETURN_IF_ERROR(fetch(std::exchange(batch_, {})));
  }
  return kOk;
}

/// The directory below the target that a root of several goes to; none, after a report, if it is
/// not to be had. Each on the way is pending until
/// complete() is called for it.
Result<RestoreRun::Shared> RestoreRun::directory_at(const Shared& target, std::string_view path) {
  Shared at = target;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    auto next = std::make_shared<TargetDirectory>();
    next->name = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    next->parent = at;
    Inode found;
    DirectoryHandles::Pin pin;
    next->exists = !at->is_virtual && context_.handles.pin(*at, pin) == 0 &&
                   stat_at(pin.fd(), next->name.c_str(), found) == 0;
    ++at->pending;
    at = std::move(next);
    REPRIEVE_TRY(const bool is_open, enter(*at));
    if (!is_open) return Shared{};
  }
  return at;
}

void RestoreRun::work_all() {
  const unsigned count = context_.options.threads != 0
                             ? context_.options.threads
                             : std::max(2U, std::thread::hardware_concurrency());
  if (stack_.empty()) return;
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < count; ++i)
    threads.emplace_back([this] { work(); });
  work();
  for (std::thread& thread : threads)
    thread.join();
}

void RestoreRun::work() {
  std::unique_lock lock{mutex_};
  for (;;) {
    has_work_.wait(lock, [&] { return !stack_.empty() || busy_ == 0 || error_; });
    if (stack_.empty() || error_) break;
    const Shared directory = std::move(stack_.back());
    stack_.pop_back();
    ++busy_;
    lock.unlock();
    auto done = context_.reader.cancel().check();
    if (done) done = expand(directory);
    lock.lock();
    --busy_;
    if (!done && !error_) error_ = std::move(done).error();
  }
  has_work_.notify_all();
}

Result<> RestoreRun::expand(const Shared& directory) {
  REPRIEVE_TRY(const bool is_open, enter(*directory));
  if (is_open) {
    REPRIEVE_TRY(auto entries, read_tree(*directory));
    if (entries) REPRIEVE_RETURN_IF_ERROR(place_all(directory, std::move(*entries)));
  }
  complete(directory);
  return kOk;
}

/// Makes or opens a directory. False, after a report, if it is not to be had.
Result<bool> RestoreRun::enter(TargetDirectory& directory) {
  if (directory.is_root || directory.is_entered) return true;
  directory.is_entered = true;
  directory.is_virtual =
      directory.up()->is_virtual || (!directory.exists && context_.options.dry_run);
  if (directory.is_virtual) return true;
  DirectoryHandles::Pin pin;
  int error = context_.handles.pin(*directory.parent, pin);
  if (error == 0) error = open_directory(directory, pin.fd());
  if (error == 0) return true;
  directory.has_entry = false;
  REPRIEVE_RETURN_IF_ERROR(
      context_.report_or_fail(error, directory.path(), "this directory could not be made"));
  return false;
}

int RestoreRun::open_directory(TargetDirectory& directory, int parent_fd) {
  const char* name = directory.name.c_str();
  if (!directory.exists && ::mkdirat(parent_fd, name, kOwnerOnly) != 0) return errno;
  io::FileHandle handle;
  int error = open_for_reading(parent_fd, name, O_DIRECTORY, handle);
  if (error == EACCES && !context_.options.dry_run) {
    // Closed even to its owner; the mode that it is to have is set at the end.
    if (::fchmodat(parent_fd, name, kOwnerOnly, AT_SYMLINK_NOFOLLOW) != 0) return EACCES;
    error = open_for_reading(parent_fd, name, O_DIRECTORY, handle);
  }
  Inode inode;
  if (error == 0) error = stat_fd(handle.fd(), inode);
  if (error != 0) return error;
  if (directory.exists && !context_.options.dry_run) {
    if ((inode.flags & kFreezingFlags) != 0)
      write_flags(handle.fd(), read_flags(handle.fd()) & ~kFreezingFlags);
    if ((inode.mode & kOwnerOnly) != kOwnerOnly && inode.uid == ::geteuid())
      ::fchmod(handle.fd(), inode.mode | kOwnerOnly);
  }
  if (!directory.exists && directory.up()->inherits_acl)
    ::fremovexattr(handle.fd(), "system.posix_acl_default");
  directory.inherits_acl =
      directory.exists && ::fgetxattr(handle.fd(), "system.posix_acl_default", nullptr, 0) >= 0;
  directory.device = inode.device;
  directory.inode_number = inode.number;
  context_.handles.adopt(directory, std::move(handle));
  return 0;
}

/// Nothing, after a report, if the repository cannot give the directory.
Result<std::optional<std::vector<Entry>>> RestoreRun::read_tree(TargetDirectory& directory) {
  using Entries = std::optional<std::vector<Entry>>;
  if (!directory.entry.directory) return Entries{};
  auto read = context_.reader.read_directory(*directory.entry.directory);
  if (read) return Entries{*std::move(read)};
  if (read.error().kind != ErrorKind::kCorrupt && read.error().kind != ErrorKind::kNotFound)
    return std::move(read).error();
  context_.report(Problem::Kind::kUnreadable, directory.path(),
                  "could not be restored: " + read.error().what);
  return Entries{};
}

Selection::Verdict RestoreRun::judge(const TargetDirectory& directory, std::string_view name) {
  if (directory.verdict == Selection::Verdict::kInside) return Selection::Verdict::kInside;
  return selection_.judge(joined(directory.whole_path, name),
                          joined(directory.relative_path, name));
}

/// Counts one thing in `directory` as done, and completes it and its parents if it was the last.
void RestoreRun::complete(Shared directory) {
  while (directory && directory->pending.fetch_sub(1) == 1) {
    finish(*directory);
    directory = directory->up();
  }
}

void RestoreRun::finish(TargetDirectory& directory) {
  const bool is_wanted = directory.has_entry && directory.verdict != Selection::Verdict::kOutside &&
                         (!directory.exists || directory.verdict == Selection::Verdict::kInside);
  if (is_wanted && !directory.is_virtual && !context_.options.dry_run) {
    DirectoryHandles::Pin pin;
    Inode inode;
    const PathOf path = [&] { return directory.path(); };
    int error = context_.handles.pin(directory, pin);
    if (error == 0) error = stat_fd(pin.fd(), inode);
    if (error != 0)
      context_.metadata.note("this directory's metadata could not be set", error, path);
    else if (!context_.metadata.is_applied(pin.fd(), inode, directory.entry))
      context_.metadata.apply(pin.fd(), directory.entry, false, MetadataWriter::Flags::kAll, path);
  }
  context_.handles.forget(directory);
}

}  // namespace reprieve::filesystem
