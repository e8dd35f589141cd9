#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "source/filesystem/internal/entry_capture.hpp"
#include "source/filesystem/internal/restore_run.hpp"
#include "tree/tree_codec.hpp"

/// The half of RestoreRun that puts single entries into an open directory.
namespace reprieve::filesystem {
namespace {

/// A temporary name that no entry of the directory has.
std::string free_name(const std::string& name, std::span<const Entry> siblings) {
  for (unsigned attempt = 0;; ++attempt) {
    std::string candidate = temporary_name(name, attempt);
    if (!std::ranges::binary_search(siblings, candidate, {}, &Entry::name)) return candidate;
  }
}

bool is_written_at_once(const Entry& entry) {
  return entry.type == EntryType::kFile && !entry.content.list && entry.content.chunks.size() <= 1;
}

}  // namespace

void RestoreRun::count(const Entry& entry) {
  if (entry.type == EntryType::kDirectory) {
    ++context_.directories;
  } else {
    ++context_.files;
    context_.bytes += entry.content.size;
  }
}

Result<> RestoreRun::place_all(const Shared& directory, std::vector<Entry> entries) {
  REPRIEVE_TRY(const bool is_open, enter(*directory));
  if (!is_open) return kOk;
  std::vector<Listed> listed;
  if (directory->exists && !directory->is_virtual) {
    DirectoryHandles::Pin pin;
    int error = context_.handles.pin(*directory, pin);
    if (error == 0) error = list_directory(pin.fd(), listed);
    if (error != 0) {
      return context_.report_or_fail(error, directory->path(), "what is there could not be listed");
    }
  }
  // Of a directory that was captured in part, nobody knows what is missing.
  if (context_.options.delete_extra && directory->verdict == Selection::Verdict::kInside &&
      !directory->entry.is_incomplete)
    REPRIEVE_RETURN_IF_ERROR(delete_extra(*directory, listed, entries));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string& name = entries[i].name;
    if (!is_safe_name(name)) {
      context_.report(Problem::Kind::kUnreadable, directory->path_of(name),
                      "could not be restored: its name is not one that a file can have");
      continue;
    }
    const auto at = std::ranges::lower_bound(listed, name, {}, &Listed::name);
    const bool exists = at != listed.end() && at->name == name;
    // What is moved out keeps its name, by which its siblings are still searched.
    Entry entry = std::move(entries[i]);
    entries[i].name = entry.name;
    REPRIEVE_RETURN_IF_ERROR(place(directory, std::move(entry), exists ? &*at : nullptr, entries));
  }
  return kOk;
}

Result<> RestoreRun::delete_extra(TargetDirectory& directory, const std::vector<Listed>& listed,
                                  const std::vector<Entry>& entries) {
  for (const Listed& each : listed) {
    if (std::ranges::binary_search(entries, each.name, {}, &Entry::name)) continue;
    if (context_.options.dry_run) {
      ++context_.deleted;
      continue;
    }
    REPRIEVE_TRY(const bool is_gone, context_.remove(directory, each.name, "could not be deleted"));
    static_cast<void>(is_gone);  // If not, that was reported.
  }
  return kOk;
}

Result<> RestoreRun::place(const Shared& directory, Entry entry, Existing existing,
                           std::span<const Entry> siblings) {
  const Selection::Verdict verdict = judge(*directory, entry.name);
  const bool is_directory = entry.type == EntryType::kDirectory;
  if (verdict == Selection::Verdict::kOutside ||
      (verdict == Selection::Verdict::kOnTheWay && !is_directory))
    return kOk;
  count(entry);
  REPRIEVE_TRY(const bool is_clear, clear_way(*directory, entry, existing));
  if (!is_clear) return kOk;
  if (is_directory) {
    place_directory(directory, std::move(entry), existing, verdict);
    return kOk;
  }
  if (entry.link_group != 0) {
    const std::lock_guard lock{mutex_};
    const auto [leader, is_first] =
        leaders_.try_emplace(entry.link_group, Leader{directory, entry.name, entry.flags});
    if (!is_first) {
      ++directory->pending;
      followers_.push_back({directory, std::move(entry), existing != nullptr});
      return kOk;
    }
  }
  if (entry.is_incomplete) {
    context_.report(Problem::Kind::kUnreadable, directory->path_of(entry.name),
                    existing == nullptr
                        ? "could not be read when it was captured: only that part is restored"
                        : "could not be read when it was captured: what is here is left alone");
    if (existing != nullptr) return kOk;
  }
  if (existing != nullptr && is_present(*directory, entry, existing)) return kOk;
  const bool is_direct =
      existing == nullptr && (is_written_at_once(entry) || entry.type != EntryType::kFile);
  std::string write_name = is_direct ? entry.name : free_name(entry.name, siblings);
  if (entry.type == EntryType::kFile)
    return place_file(directory, std::move(entry), existing, std::move(write_name));
  if (context_.options.dry_run) {
    ++context_.files_written;
    return kOk;
  }
  return place_special(directory, std::move(entry), existing, write_name);
}

/// What is of another kind is only replaced if that loses nothing, or was asked for.
Result<bool> RestoreRun::clear_way(TargetDirectory& directory, const Entry& entry,
                                   Existing& existing) {
  if (existing == nullptr || existing->error != 0) return true;
  const bool wants_directory = entry.type == EntryType::kDirectory;
  const bool has_directory = existing->inode.type == EntryType::kDirectory;
  if (wants_directory == has_directory) return true;
  const bool is_link = existing->inode.type == EntryType::kSymlink;
  if (!is_link && !context_.options.delete_extra) {
    context_.report(Problem::Kind::kUnsupported, directory.path_of(entry.name),
                    has_directory
                        ? "was not restored: a directory is in the way"
                        : "was not restored: something that is no directory is in the way");
    return false;
  }
  // Over a symlink, any other name can be renamed.
  if (is_link && !wants_directory) return true;
  if (!context_.options.dry_run) {
    REPRIEVE_TRY(const bool is_gone,
                 context_.remove(directory, entry.name, "what is in the way could not be deleted"));
    if (!is_gone) return false;
  }
  existing = nullptr;
  return true;
}

void RestoreRun::place_directory(const Shared& directory, Entry entry, Existing existing,
                                 Selection::Verdict verdict) {
  auto child = std::make_shared<TargetDirectory>();
  child->parent = directory;
  child->name = entry.name;
  child->exists = existing != nullptr;
  child->has_entry = true;
  child->verdict = verdict;
  if (verdict == Selection::Verdict::kOnTheWay) {
    child->whole_path = joined(directory->whole_path, entry.name);
    child->relative_path = joined(directory->relative_path, entry.name);
  }
  child->entry = std::move(entry);
  ++directory->pending;
  ++context_.reader.progress().directories;
  const std::lock_guard lock{mutex_};
  stack_.push_back(std::move(child));
  has_work_.notify_one();
}

/// Whether the name already holds what it should; its metadata is then put right.
bool RestoreRun::is_present(TargetDirectory& directory, const Entry& entry, Existing existing) {
  const Inode& inode = existing->inode;
  if (existing->error != 0 || inode.type != entry.type) return false;
  DirectoryHandles::Pin pin;
  if (context_.handles.pin(directory, pin) != 0) return false;
  if (entry.type == EntryType::kFile) {
    if (!context_.options.trust_times || inode.size != entry.content.size ||
        inode.modified != entry.modified)
      return false;
    ExistingFile file;
    if (!file.open(pin.fd(), entry.name)) return false;
    keep_file(directory, entry, file);
    return true;
  }
  std::string target;
  if (entry.type == EntryType::kSymlink &&
      (read_link(pin.fd(), entry.name.c_str(), target) != 0 || target != entry.target))
    return false;
  if (inode.rdev_major != entry.device_major || inode.rdev_minor != entry.device_minor)
    return false;
  if (!context_.options.dry_run &&
      !context_.metadata.is_applied_at(pin.fd(), entry.name, inode, entry))
    context_.metadata.apply_at(pin.fd(), entry.name, entry, false,
                               [&] { return directory.path_of(entry.name); });
  count_unchanged(entry);
  return true;
}

Result<> RestoreRun::place_special(const Shared& directory, Entry entry, Existing existing,
                                   const std::string& write_name) {
  const PathOf path = [&] { return directory->path_of(entry.name); };
  DirectoryHandles::Pin pin;
  int error = context_.handles.pin(*directory, pin);
  if (error == 0) error = make_special(pin.fd(), write_name, entry);
  if (error == EEXIST && write_name != entry.name) {
    // Ours, from a run that was interrupted.
    error = ::unlinkat(pin.fd(), write_name.c_str(), 0) == 0 ? 0 : errno;
    if (error == 0) error = make_special(pin.fd(), write_name, entry);
  }
  if (error != 0) return context_.report_or_fail(error, path(), "could not be made");
  context_.metadata.apply_at(pin.fd(), write_name, entry, !directory->inherits_acl, path);
  if (write_name != entry.name) {
    if (existing != nullptr && (existing->inode.flags & kFreezingFlags) != 0)
      thaw_at(pin.fd(), entry.name);
    if (::renameat(pin.fd(), write_name.c_str(), pin.fd(), entry.name.c_str()) != 0) {
      error = errno;
      ::unlinkat(pin.fd(), write_name.c_str(), 0);
      return context_.report_or_fail(error, path(), "could not be renamed into place");
    }
  }
  ++context_.files_written;
  ++context_.reader.progress().files;
  return kOk;
}

int RestoreRun::make_special(int directory_fd, const std::string& name, const Entry& entry) {
  if (entry.type == EntryType::kSymlink)
    return ::symlinkat(entry.target.c_str(), directory_fd, name.c_str()) == 0 ? 0 : errno;
  mode_t type = S_IFIFO;
  if (entry.type == EntryType::kSocket) type = S_IFSOCK;
  if (entry.type == EntryType::kCharDevice) type = S_IFCHR;
  if (entry.type == EntryType::kBlockDevice) type = S_IFBLK;
  const dev_t device = makedev(entry.device_major, entry.device_minor);
  return ::mknodat(directory_fd, name.c_str(), type | 0600, device) == 0 ? 0 : errno;
}

Result<> RestoreRun::make_links() {
  for (const Follower& follower : followers_) {
    REPRIEVE_RETURN_IF_ERROR(context_.reader.cancel().check());
    REPRIEVE_RETURN_IF_ERROR(make_link(follower));
    complete(follower.directory);
  }
  // Only now: an immutable file takes no further name.
  for (const auto& [group, leader] : leaders_) {
    DirectoryHandles::Pin pin;
    io::FileHandle file;
    if (leader.flags == 0 || context_.options.dry_run ||
        context_.handles.pin(*leader.directory, pin) != 0 ||
        open_for_reading(pin.fd(), leader.name.c_str(), 0, file) != 0)
      continue;
    context_.metadata.apply_flags(file.fd(), leader.flags,
                                  [&] { return leader.directory->path_of(leader.name); });
  }
  return kOk;
}

Result<> RestoreRun::make_link(const Follower& follower) {
  const Leader& leader = leaders_.at(follower.entry.link_group);
  const std::string& name = follower.entry.name;
  const PathOf path = [&] { return follower.directory->path_of(name); };
  if (context_.options.dry_run) {
    ++(follower.exists ? context_.files_unchanged : context_.files_written);
    return kOk;
  }
  DirectoryHandles::Pin from;
  DirectoryHandles::Pin to;
  int error = context_.handles.pin(*leader.directory, from);
  if (error == 0) error = context_.handles.pin(*follower.directory, to);
  Inode first;
  Inode present;
  if (error == 0) error = stat_at(from.fd(), leader.name.c_str(), first);
  if (error == 0 && stat_at(to.fd(), name.c_str(), present) == 0 &&
      present.number == first.number && present.device == first.device) {
    ++context_.files_unchanged;
    ++context_.reader.progress().files;
    ++context_.reader.progress().files_unchanged;
    return kOk;
  }
  if (error == 0 && (first.flags & kFreezingFlags) != 0) thaw_at(from.fd(), leader.name);
  const std::string write_name = follower.exists ? temporary_name(name, 0) : name;
  if (error == 0 && follower.exists) ::unlinkat(to.fd(), write_name.c_str(), 0);
  if (error == 0 && ::linkat(from.fd(), leader.name.c_str(), to.fd(), write_name.c_str(), 0) != 0)
    error = errno;
  if (error == 0 && follower.exists) {
    thaw_at(to.fd(), name);
    if (::renameat(to.fd(), write_name.c_str(), to.fd(), name.c_str()) != 0) {
      error = errno;
      ::unlinkat(to.fd(), write_name.c_str(), 0);
    }
  }
  if (error != 0)
    return context_.report_or_fail(error, path(), "could not be linked to '" + leader.name + "'");
  ++context_.files_written;
  ++context_.reader.progress().files;
  return kOk;
}

}  // namespace reprieve::filesystem
