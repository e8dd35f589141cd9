#include "source/filesystem/internal/walker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace reprieve::filesystem {
namespace {

// What one thread takes at a time: enough to make the queue cheap, few enough to share the work.
constexpr std::size_t kJobFilesMax = 32;
constexpr std::uint64_t kJobBytesMax = 4 * 1024 * 1024;
constexpr std::string_view kTagName = "CACHEDIR.TAG";
constexpr std::string_view kTagSignature = "Signature: 8a477f597d28d172789f06886806bc55";

class PlaceIn : public Place {
 public:
  PlaceIn(const CapturedDirectory& directory, int fd, std::string_view name)
      : directory_{directory}, fd_{fd}, name_{name} {}
  [[nodiscard]] int directory_fd() const override { return fd_; }
  [[nodiscard]] std::string path() const override {
    return name_.empty() ? directory_.path() : directory_.path_of(name_);
  }

 private:
  const CapturedDirectory& directory_;
  int fd_;
  std::string_view name_;
};

/// A root that is no directory: its name is its path.
class PlaceOfRoot : public Place {
 public:
  PlaceOfRoot(int fd, const std::string& path) : fd_{fd}, path_{path} {}
  [[nodiscard]] int directory_fd() const override { return fd_; }
  [[nodiscard]] std::string path() const override { return path_; }

 private:
  int fd_;
  const std::string& path_;
};

}  // namespace

Walker::Walker(CaptureSink& sink, WalkOptions options, const FileCache& cache,
               FileCacheWriter* writer)
    : sink_{sink},
      options_{std::move(options)},
      cache_{cache},
      writer_{writer},
      handles_{open_directories_max()},
      capture_{sink} {}

Result<std::vector<Entry>> Walker::run(const std::vector<std::string>& roots) {
  const auto top = std::make_shared<CapturedDirectory>();
  top->entries.resize(roots.size());
  top->inodes.resize(roots.size());
  top->slots.resize(roots.size(), CapturedDirectory::Slot::kNew);
  for (std::size_t i = 0; i < roots.size(); ++i)
    REPRIEVE_RETURN_IF_ERROR(add_root(top, i, roots[i]));
  if (!top->subdirectories.empty()) {
    dispatch(top);
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < options_.threads; ++i)
      threads.emplace_back([this] { work(); });
    work();
    for (std::thread& thread : threads)
      thread.join();
  }
  stack_.clear();
  if (error_) return *std::move(error_);
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < roots.size(); ++i) {
    if (top->slots[i] != CapturedDirectory::Slot::kGone)
      entries.push_back(std::move(top->entries[i]));
  }
  return entries;
}

Result<> Walker::add_root(const Shared& top, std::size_t slot, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
  const std::string name = path == "/" ? "." : path.substr(slash + 1);
  const io::FileHandle handle{::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  Inode listed;
  int error = handle.is_open() ? stat_at(handle.fd(), name.c_str(), listed) : errno;
  Inode target;
  if (error == 0 && listed.type == EntryType::kSymlink) {
    // What a link given by name points to is what was meant, if it is a directory.
    const io::FileHandle followed{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (followed.is_open() && stat_fd(followed.fd(), target) == 0) listed = target;
  }
  if (error != 0)
    return error_from_errno(error, "capture " + path)
        .with_hint("Check that the path exists and that this user may look at it.");
  if (slot == 0 || top->subdirectories.empty()) capture_.set_root_device(listed.device);
  top->entries[slot].name = path;
  top->inodes[slot] = listed;
  if (listed.type == EntryType::kDirectory) {
    top->subdirectories.push_back(static_cast<std::uint32_t>(slot));
    return kOk;
  }
  REPRIEVE_TRY(EntryCapture::Outcome outcome,
               capture_.capture(PlaceOfRoot{handle.fd(), path}, name, listed));
  if (outcome.entry) outcome.entry->name = path;
  set_entry(*top, slot, std::move(outcome.entry));
  return kOk;
}

void Walker::work() {
  while (std::optional<Job> job = next_job()) {
    auto done = job->kind == Kind::kFiles ? run_files(*job) : enter(job->directory, job->slots[0]);
    if (!done) fail(std::move(done).error());
  }
}

std::optional<Walker::Job> Walker::next_job() {
  std::unique_lock lock{mutex_};
  for (;;) {
    if (auto going = sink_.cancel().check(); !going && !error_) {
      error_ = std::move(going).error();
      is_done_ = true;
      has_job_.notify_all();
    }
    if (is_done_) return std::nullopt;
    if (!stack_.empty()) break;
    has_job_.wait(lock);
  }
  Job job;
  // A task of which all is taken leaves the stack; what is left is for whoever waits.
  if (take(stack_.back(), job)) stack_.pop_back();
  if (!stack_.empty()) has_job_.notify_one();
  return job;
}

/// Moves some of a task's slots into `job`; true if none is left.
bool Walker::take(Task& task, Job& job) {
  CapturedDirectory& directory = *task.directory;
  job.directory = task.directory;
  job.kind = task.kind;
  if (task.kind == Kind::kSubdirectories) {
    job.slots.push_back(directory.subdirectories[directory.next_subdirectory++]);
    return directory.next_subdirectory == directory.subdirectories.size();
  }
  std::uint64_t bytes = 0;
  while (directory.next_file < directory.files.size() && job.slots.size() < kJobFilesMax &&
         bytes < kJobBytesMax) {
    const std::uint32_t slot = directory.files[directory.next_file++];
    bytes += directory.inodes[slot].size;
    job.slots.push_back(slot);
  }
  return directory.next_file == directory.files.size();
}

void Walker::fail(Error error) {
  const std::lock_guard lock{mutex_};
  if (!error_) error_ = std::move(error);
  is_done_ = true;
  has_job_.notify_all();
}

Result<> Walker::run_files(const Job& job) {
  CapturedDirectory& directory = *job.directory;
  {
    DirectoryHandles::Pin pin;
    const int error = handles_.pin(directory, pin);
    for (const std::uint32_t slot : job.slots) {
      if (error == 0) {
        REPRIEVE_RETURN_IF_ERROR(sink_.cancel().check());
        REPRIEVE_RETURN_IF_ERROR(run_file(directory, pin.fd(), slot));
      } else {
        capture_.report(Problem::Kind::kVanished,
                        PlaceIn{directory, -1, directory.entries[slot].name},
                        failure("its directory could not be opened again", error));
        set_entry(directory, slot, std::nullopt);
      }
    }
  }
  return complete(job.directory, job.slots.size());
}

Result<> Walker::run_file(CapturedDirectory& directory, int fd, std::uint32_t slot) {
  const std::string name = directory.entries[slot].name;
  REPRIEVE_TRY(EntryCapture::Outcome outcome,
               capture_.capture(PlaceIn{directory, fd, name}, name, directory.inodes[slot]));
  directory.inodes[slot] = outcome.inode;
  set_entry(directory, slot, std::move(outcome.entry));
  return kOk;
}

/// Puts what was found into its slot and notes whether that differs from what the cache knew.
void Walker::set_entry(CapturedDirectory& directory, std::size_t slot, std::optional<Entry> entry) {
  if (!entry) {
    directory.slots[slot] = CapturedDirectory::Slot::kGone;
    directory.is_changed = true;
    return;
  }
  const bool is_new = directory.slots[slot] == CapturedDirectory::Slot::kNew;
  const bool is_changed = !is_new && directory.entries[slot] != *entry;
  if (is_new || is_changed) directory.is_changed = true;
  Progress& progress = sink_.progress();
  if (entry->type == EntryType::kDirectory) {
    ++progress.directories;
  } else {
    ++progress.files;
    ++files_;
    bytes_ += entry->content.size;
    // Nothing is remembered of a root that is a file, nor of anything without a cache.
    if (writer_ != nullptr && directory.parent)
      ++(is_new       ? progress.files_new
         : is_changed ? progress.files_changed
                      : progress.files_unchanged);
  }
  directory.entries[slot] = *std::move(entry);
}

Result<> Walker::enter(const Shared& parent, std::uint32_t slot) {
  const auto directory = std::make_shared<CapturedDirectory>();
  directory->parent = parent;
  directory->slot = slot;
  directory->is_root = !parent->parent && !parent->is_root;
  directory->name = parent->entries[slot].name;
  const std::string& name = directory->name;
  const Inode& listed = parent->inodes[slot];
  directory->path_hash = hash_of_child(parent->path_hash, name);

  io::FileHandle handle;
  int error = 0;
  bool is_left_empty = false;
  if (directory->is_root) {
    handle = io::FileHandle{::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY)};
    if (!handle.is_open()) error = errno;
  } else {
    // Asked before it is opened: opening would set off an automount.
    is_left_empty = options_.one_file_system && listed.device != parent->inode.device;
    DirectoryHandles::Pin pin;
    error = handles_.pin(*parent, pin);
    if (error == 0) error = open_for_reading(pin.fd(), name.c_str(), O_DIRECTORY, handle);
  }
  if (error == 0) error = stat_fd(handle.fd(), directory->inode);
  // The kernel's own views have files of endless size and no content that a restore could write.
  if (error == 0 && !directory->is_root && directory->inode.device != parent->inode.device)
    is_left_empty = is_left_empty || is_pseudo_file_system(handle.fd());
  if (error != 0) return leave_out(parent, slot, error);
  directory->device = directory->inode.device;
  directory->inode_number = directory->inode.number;

  CapturedDirectory::Slot known = parent->slots[slot];
  if (known == CapturedDirectory::Slot::kCurrent && !is_same_state(directory->inode, listed))
    known = CapturedDirectory::Slot::kStale;
  if (known == CapturedDirectory::Slot::kCurrent) {
    directory->self = parent->entries[slot];
  } else {
    directory->self = capture_.describe(name, directory->inode);
    capture_.read_attributes(handle.fd(), PlaceIn{*directory, handle.fd(), {}}, directory->self);
  }
  parent->inodes[slot] = directory->inode;
  const DirectoryHandles::Pin pin = handles_.adopt(*directory, std::move(handle));
  if (!is_left_empty) REPRIEVE_RETURN_IF_ERROR(scan(directory, pin.fd()));
  if (!directory->files.empty() || !directory->subdirectories.empty()) dispatch(directory);
  return complete(directory, 1);
}

/// A directory that cannot be opened is kept with what its parent's listing tells of it.
Result<> Walker::leave_out(const Shared& parent, std::uint32_t slot, int error) {
  const std::string name = parent->entries[slot].name;
  const PlaceIn place{*parent, -1, name};
  if (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE) {
    capture_.report(Problem::Kind::kVanished, place, "vanished while its parent was read");
    set_entry(*parent, slot, std::nullopt);
  } else {
    capture_.report(Problem::Kind::kUnreadable, place, failure("could not be opened", error));
    Entry entry = capture_.describe(name, parent->inodes[slot]);
    entry.is_incomplete = true;
    set_entry(*parent, slot, std::move(entry));
  }
  return complete(parent, 1);
}

Result<> Walker::scan(const Shared& directory, int fd) {
  std::vector<Listed> listed;
  if (const int error = list_directory(fd, listed); error != 0) {
    directory->self.is_incomplete = true;
    capture_.report(Problem::Kind::kUnreadable, PlaceIn{*directory, fd, {}},
                    failure("could not be listed to its end", error));
  }
  keep_wanted(*directory, fd, listed);
  use_cached(*directory, listed);
  std::size_t pending = 1;
  for (std::size_t slot = 0; slot < directory->inodes.size(); ++slot) {
    const auto number = static_cast<std::uint32_t>(slot);
    if (directory->inodes[slot].type == EntryType::kDirectory) {
      directory->subdirectories.push_back(number);
      ++pending;
    } else if (directory->slots[slot] != CapturedDirectory::Slot::kCurrent) {
      directory->files.push_back(number);
      ++pending;
    }
  }
  directory->pending = pending;
  return kOk;
}

/// Drops what is excluded and reports what could not be looked at.
void Walker::keep_wanted(const CapturedDirectory& directory, int fd, std::vector<Listed>& listed) {
  const bool is_tag_only = options_.honour_cachedir_tag && is_tagged_cache(fd, listed);
  std::string path;
  if (options_.exclude.needs_path()) path = directory.relative_path();
  if (!path.empty()) path += '/';
  const std::size_t prefix = path.size();
  std::erase_if(listed, [&](const Listed& each) {
    if (is_tag_only) return each.name != kTagName;
    if (each.error != 0) {
      const bool is_gone = each.error == ENOENT;
      capture_.report(is_gone ? Problem::Kind::kVanished : Problem::Kind::kUnreadable,
                      PlaceIn{directory, fd, each.name},
                      failure("could not be looked at", each.error));
      return true;
    }
    if (options_.exclude.is_empty()) return false;
    path.resize(prefix);
    path += each.name;
    return options_.exclude.matches(path, each.name, each.inode.type == EntryType::kDirectory);
  });
}

bool Walker::is_tagged_cache(int fd, const std::vector<Listed>& listed) {
  const auto tag = std::ranges::lower_bound(listed, kTagName, {}, &Listed::name);
  if (tag == listed.end() || tag->name != kTagName || tag->inode.type != EntryType::kFile)
    return false;
  io::FileHandle file;
  if (open_for_reading(fd, tag->name.c_str(), 0, file) != 0) return false;
  char text[kTagSignature.size()];
  return ::pread(file.fd(), text, sizeof text, 0) == static_cast<ssize_t>(sizeof text) &&
         std::string_view(text, sizeof text) == kTagSignature;
}

/// Makes the slots, and fills those whose inode the cache knows as untouched.
void Walker::use_cached(CapturedDirectory& directory, std::vector<Listed>& listed) {
  directory.cached =
      cache_.find(directory.path_hash, directory.inode.device, directory.inode.number);
  const std::size_t count = listed.size();
  directory.entries.resize(count);
  directory.inodes.resize(count);
  directory.slots.resize(count, CapturedDirectory::Slot::kNew);
  std::vector<Entry> none;
  std::vector<Entry>& known = directory.cached ? directory.cached->entries : none;
  std::size_t at = 0;
  std::size_t matched = 0;
  std::vector<std::uint64_t> gone;
  const auto pass_over = [&](std::size_t missing) {
    if (known[missing].type != EntryType::kDirectory)
      gone.push_back(directory.cached->keys[missing].number);
  };
  for (std::size_t slot = 0; slot < count; ++slot) {
    directory.inodes[slot] = listed[slot].inode;
    for (; at < known.size() && known[at].name < listed[slot].name; ++at)
      pass_over(at);
    if (at < known.size() && known[at].name == listed[slot].name) {
      ++matched;
      const std::size_t same = at++;
      if (reuse(directory, slot, known[same], directory.cached->keys[same])) continue;
    }
    directory.entries[slot].name = std::move(listed[slot].name);
  }
  for (; at < known.size(); ++at)
    pass_over(at);
  count_gone(directory, std::move(gone));
  if (!directory.cached || matched != known.size() || matched != count) directory.is_changed = true;
  known.clear();
  known.shrink_to_fit();
}

/// `gone` has the inode numbers behind the names that are no longer there; 0 where none was
/// trusted.
void Walker::count_gone(const CapturedDirectory& directory, std::vector<std::uint64_t> gone) {
  if (gone.empty()) return;
  sink_.progress().files_removed += gone.size();
  std::ranges::sort(gone);
  for (std::size_t slot = 0; slot < directory.slots.size(); ++slot) {
    const Inode& inode = directory.inodes[slot];
    if (directory.slots[slot] == CapturedDirectory::Slot::kNew &&
        inode.device == directory.inode.device && inode.number != 0 &&
        std::ranges::binary_search(gone, inode.number))
      ++sink_.progress().files_renamed;
  }
}

bool Walker::reuse(CapturedDirectory& directory, std::size_t slot, Entry& known,
                   const CacheKey& key) {
  const Inode& inode = directory.inodes[slot];
  if (known.type != inode.type) return false;
  directory.slots[slot] = CapturedDirectory::Slot::kStale;
  directory.entries[slot] = std::move(known);
  const Entry& entry = directory.entries[slot];
  const bool is_current = inode.device == directory.inode.device && key == key_of(inode);
  if (!is_current) return true;
  if (entry.type == EntryType::kFile && !sink_.has(entry.content)) return true;
  directory.slots[slot] = CapturedDirectory::Slot::kCurrent;
  if (entry.type != EntryType::kDirectory) {
    ++sink_.progress().files;
    ++sink_.progress().files_unchanged;
    ++files_;
    bytes_ += entry.content.size;
    sink_.progress().bytes += entry.content.size;
    sink_.progress().bytes_unchanged += entry.content.size;
  }
  return true;
}

void Walker::dispatch(const Shared& directory) {
  const std::lock_guard lock{mutex_};
  if (!directory->parent) directory->pending = directory->subdirectories.size();
  // Files on top: once they are read, the directory only waits for what is below it.
  if (!directory->subdirectories.empty()) stack_.push_back({directory, Kind::kSubdirectories});
  if (!directory->files.empty()) stack_.push_back({directory, Kind::kFiles});
  has_job_.notify_one();
}

/// Counts `slots` of `directory` as done, and completes it and its parents if they were the last.
Result<> Walker::complete(Shared directory, std::size_t slots) {
  while (directory->pending.fetch_sub(slots) == slots) {
    if (!directory->parent) {  // All roots are done.
      const std::lock_guard lock{mutex_};
      is_done_ = true;
      has_job_.notify_all();
      return kOk;
    }
    REPRIEVE_RETURN_IF_ERROR(finish(*directory));
    directory = directory->up();
    slots = 1;
  }
  return kOk;
}

Result<> Walker::finish(CapturedDirectory& directory) {
  handles_.forget(directory);
  if (directory.self.is_incomplete) directory.is_changed = true;
  REPRIEVE_TRY(const ListRef stored, store(directory));
  directory.self.directory = stored;
  set_entry(*directory.up(), directory.slot, std::move(directory.self));
  return kOk;
}

/// The key by which the next run may recognise a slot; the empty one if it must look again.
CacheKey Walker::trusted_key(const CapturedDirectory& directory, std::size_t slot) const {
  const Entry& entry = directory.entries[slot];
  const Inode& inode = directory.inodes[slot];
  if (entry.is_incomplete || entry.is_inconsistent || inode.device != directory.inode.device ||
      inode.changed >= options_.trusted_before)
    return {};
  return key_of(inode);
}

Result<ListRef> Walker::store(CapturedDirectory& directory) {
  std::vector<CacheKey> keys;
  std::size_t kept = 0;
  for (std::size_t slot = 0; slot < directory.entries.size(); ++slot) {
    if (directory.slots[slot] == CapturedDirectory::Slot::kGone) continue;
    if (writer_ != nullptr) keys.push_back(trusted_key(directory, slot));
    if (kept != slot) directory.entries[kept] = std::move(directory.entries[slot]);
    ++kept;
  }
  directory.entries.resize(kept);
  const bool is_known = !directory.is_changed && sink_.has(directory.cached->stored);
  if (writer_ != nullptr && is_known && keys == directory.cached->keys) {
    writer_->keep(directory.path_hash);
    return directory.cached->stored;
  }
  Bytes cached_entries;
  if (writer_ != nullptr) cached_entries = encode_cached_entries(keys, directory.entries);
  ListRef stored;
  if (is_known) {
    stored = directory.cached->stored;
  } else {
    REPRIEVE_TRY(stored, sink_.put_directory(std::move(directory.entries)));
  }
  directory.entries = {};
  if (writer_ != nullptr)
    writer_->add(directory.path_hash, {directory.inode.device, directory.inode.number, stored},
                 cached_entries);
  return stored;
}

}  // namespace reprieve::filesystem
