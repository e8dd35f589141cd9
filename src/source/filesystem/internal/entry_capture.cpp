#include "source/filesystem/internal/entry_capture.hpp"

#include <cerrno>
#include <cstring>

#include "source/filesystem/internal/file_reader.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::filesystem {
namespace {

constexpr int kAttempts = 3;
// Above this a changing file (a log, a disk image) is not read again: it would change again, and
// the reading would cost hours.
constexpr std::uint64_t kReadAgainMax = std::uint64_t{1} << 30;

bool is_gone(int error) {
  return error == ENOENT || error == ENOTDIR || error == ESTALE;
}

/// A number for (device, inode), the inode's own on the source's main file system: so trees do not
/// depend on the number that a device happened to get at boot.
std::uint64_t link_group_of(const Inode& inode, std::uint64_t root_device) {
  std::uint64_t group = inode.number;
  if (inode.device != root_device) {
    group ^= inode.device * 0x9fb21c651e98df25;
    group ^= group >> 31;
    group *= 0xd6e8feb86659fd93;
  }
  return group == 0 ? 1 : group;
}

/// Counts what is read, and stops a long file between two pieces.
class WatchedReader : public ByteReader {
 public:
  WatchedReader(FileReader& inner, CaptureSink& sink) : inner_{inner}, sink_{sink} {}
  Result<std::size_t> read(MutableByteView out) override {
    REPRIEVE_RETURN_IF_ERROR(sink_.cancel().check());
    auto size = inner_.read(out);
    if (size) sink_.progress().bytes += *size;
    return size;
  }

 private:
  FileReader& inner_;
  CaptureSink& sink_;
};

}  // namespace

std::string failure(std::string_view what, int error) {
  char buffer[128];
  return std::string{what} + ": " + ::strerror_r(error, buffer, sizeof buffer);
}

void EntryCapture::report(Problem::Kind kind, const Place& place, std::string what) {
  sink_.report({kind, place.path(), std::move(what)});
}

EntryCapture::Outcome EntryCapture::vanished(const Place& place) {
  report(Problem::Kind::kVanished, place, "vanished while its directory was read");
  return {};
}

Entry EntryCapture::describe(std::string name, const Inode& inode) {
  Entry entry;
  entry.name = std::move(name);
  entry.type = inode.type.value_or(EntryType::kFile);
  entry.mode = inode.mode;
  entry.owner = names_.owner_of(inode.uid, inode.gid);
  entry.modified = inode.modified;
  entry.born = inode.born;
  if (inode.links > 1 && inode.type != EntryType::kDirectory)
    entry.link_group = link_group_of(inode, root_device_);
  return entry;
}

void EntryCapture::check_xattrs(int error, const Place& place, Entry& entry) {
  if (error == 0 || is_gone(error)) return;
  entry.is_incomplete = true;
  report(Problem::Kind::kUnreadable, place,
         failure("its extended attributes could not be read", error));
}

void EntryCapture::read_attributes(int fd, const Place& place, Entry& entry) {
  check_xattrs(read_xattrs(fd, entry.xattrs), place, entry);
  entry.flags = read_flags(fd);
}

Result<EntryCapture::Outcome> EntryCapture::capture(const Place& place, const std::string& name,
                                                    const Inode& listed) {
  Inode inode = listed;
  for (int attempt = 1;; ++attempt) {
    REPRIEVE_TRY(Outcome outcome, capture_once(place, name, inode));
    // Only a name that became something of another type comes back without a type.
    if (!outcome.entry || outcome.inode.type) return outcome;
    if (const int error = stat_at(place.directory_fd(), name.c_str(), inode); error != 0)
      return vanished(place);
    if (attempt == kAttempts || inode.type == EntryType::kDirectory) {
      report(Problem::Kind::kChanged, place, "became something else each time it was looked at");
      return Outcome{};
    }
  }
}

Result<EntryCapture::Outcome> EntryCapture::capture_once(const Place& place,
                                                         const std::string& name,
                                                         const Inode& inode) {
  if (inode.type != EntryType::kFile) return capture_special(place, name, inode);
  if (inode.links > 1) return capture_linked(place, name, inode);
  return capture_file(place, name, inode);
}

Result<EntryCapture::Outcome> EntryCapture::capture_linked(const Place& place,
                                                           const std::string& name,
                                                           const Inode& inode) {
  const InodeId id{inode.device, inode.number};
  {
    std::unique_lock lock{mutex_};
    auto at = linked_.find(id);
    while (at != linked_.end() && !at->second.is_done) {
      is_published_.wait(lock);
      at = linked_.find(id);
    }
    if (at != linked_.end() && is_same_state(at->second.outcome.inode, inode)) {
      Outcome outcome = at->second.outcome;
      if (--at->second.names_left == 0) linked_.erase(at);
      outcome.entry->name = name;
      sink_.progress().bytes += outcome.entry->content.size;
      sink_.progress().bytes_unchanged += outcome.entry->content.size;
      return outcome;
    }
    linked_[id] = {};  // Ours to read; others wait.
  }
  auto captured = capture_file(place, name, inode);
  const std::lock_guard lock{mutex_};
  const bool is_whole = captured && captured->entry && captured->inode.type &&
                        !captured->entry->is_incomplete && !captured->entry->is_inconsistent;
  if (is_whole && captured->inode.links > 1)
    linked_[id] = {true, captured->inode.links - 1, *captured};
  else
    linked_.erase(id);  // The next name tries for itself.
  is_published_.notify_all();
  return captured;
}

EntryCapture::Outcome EntryCapture::without_content(const Place& place, const std::string& name,
                                                    const Inode& listed, int error) {
  report(Problem::Kind::kUnreadable, place, failure("could not be opened", error));
  Outcome out{describe(name, listed), listed};
  out.entry->flags = listed.flags;
  ignore_error(Result<int>{read_xattrs_at(place.directory_fd(), name, out.entry->xattrs)},
               "the entry is marked as incomplete anyway");
  out.entry->is_incomplete = true;
  return out;
}

Result<EntryCapture::Outcome> EntryCapture::capture_file(const Place& place,
                                                         const std::string& name,
                                                         const Inode& listed) {
  Outcome out;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    io::FileHandle file;
    Inode before;
    int error = open_for_reading(place.directory_fd(), name.c_str(), 0, file);
    if (error == 0) error = stat_fd(file.fd(), before);
    if (is_gone(error)) return vanished(place);
    // A symlink, or a socket, has taken the name: capture() looks again.
    if (error == ELOOP || error == ENXIO || (error == 0 && before.type != EntryType::kFile))
      return Outcome{Entry{}, Inode{}};
    if (error != 0) return without_content(place, name, listed, error);

    out = {describe(name, before), before};
    read_attributes(file.fd(), place, *out.entry);
    REPRIEVE_TRY(const bool is_stable, read_file(place, file.fd(), before, out));
    if (is_stable || out.entry->is_incomplete) return out;
    if (before.size > kReadAgainMax) break;
  }
  out.entry->is_inconsistent = true;
  report(Problem::Kind::kChanged, place, "changed while it was read");
  return out;
}

/// Whether the file stayed as it was.
Result<bool> EntryCapture::read_file(const Place& place, int fd, const Inode& before,
                                     Outcome& out) {
  if (before.size == 0) return true;
  FileReader file{fd, before.size, before.stored_bytes < before.size};
  WatchedReader reader{file, sink_};
  auto content = sink_.put_content(reader, Chunking::kContentDefined);
  if (!content) return std::move(content).error().at("capture " + place.path());
  out.entry->content = *std::move(content);
  file.describe(out.entry->content);
  sink_.progress().bytes += out.entry->content.size - stored_size(out.entry->content);
  if (file.read_error() != 0) {
    out.entry->is_incomplete = true;
    report(Problem::Kind::kUnreadable, place,
           failure("could not be read from byte " + std::to_string(file.position()) + " on",
                   file.read_error()));
    return true;
  }
  Inode after;
  if (stat_fd(fd, after) != 0) return false;
  // Another name given or taken away moves the change time and leaves the content alone.
  return after.size == before.size && after.modified == before.modified &&
         (after.changed == before.changed || after.links != before.links);
}

EntryCapture::Outcome EntryCapture::capture_special(const Place& place, const std::string& name,
                                                    const Inode& inode) {
  if (!inode.type) {
    report(Problem::Kind::kUnsupported, place, "is of a type that is not known");
    return {};
  }
  Outcome out{describe(name, inode), inode};
  Entry& entry = *out.entry;
  if (inode.type == EntryType::kSymlink) {
    const int error = read_link(place.directory_fd(), name.c_str(), entry.target);
    if (is_gone(error)) return vanished(place);
    if (error == EINVAL) return {Entry{}, Inode{}};  // No symlink any more.
    if (error != 0) {
      entry.is_incomplete = true;
      report(Problem::Kind::kUnreadable, place, failure("its target could not be read", error));
    }
  }
  if (inode.type == EntryType::kCharDevice || inode.type == EntryType::kBlockDevice) {
    entry.device_major = inode.rdev_major;
    entry.device_minor = inode.rdev_minor;
  }
  check_xattrs(read_xattrs_at(place.directory_fd(), name, entry.xattrs), place, entry);
  return out;
}

}  // namespace reprieve::filesystem
