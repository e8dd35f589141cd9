#include "storage/local/local_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "io/durable_file.hpp"
#include "storage/key.hpp"
#include "storage/local/listing.hpp"
#include "storage/local/place.hpp"

namespace reprieve {
namespace {

using local::kTemporaryFolder;
using local::Place;

constexpr std::size_t kComparePieceBytes = 1 << 20;
constexpr std::size_t kSyncThreadsMax = 16;

bool is_absent(const Error& error) {
  // kInvalid: a link, a file or a folder where the key's path would go on; so no such object.
  return error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kInvalid;
}

Result<bool> holds(const io::FileHandle& file, ByteView body) {
  Bytes piece(std::min(kComparePieceBytes, body.size()));
  for (std::size_t at = 0; at < body.size(); at += piece.size()) {
    const ByteView expected = body.subspan(at, std::min(piece.size(), body.size() - at));
    const MutableByteView got = MutableByteView{piece}.first(expected.size());
    REPRIEVE_RETURN_IF_ERROR(io::pread_exact(file, got, ByteOffset{at}));
    if (std::memcmp(got.data(), expected.data(), expected.size()) != 0) return false;
  }
  return true;
}

}  // namespace

struct LocalStore::OpenObject {
  io::FileHandle file;
  ByteCount size;
};

/// How a run of folder syncs ended: all done, or the first that went wrong.
struct LocalStore::FolderSyncs {
  std::optional<Error> unopened = {};  ///< Was not tried.
  std::optional<Error> failed = {};    ///< Was tried, and its result is final.
};

/// A file in _tmp that is removed unless it was moved away. Its lock tells remove_leftovers() that
/// somebody still writes it; the kernel frees the lock however the writer ends.
class LocalStore::Temporary {
 public:
  Temporary(io::Directory folder, std::string name, io::FileHandle file)
      : folder_{std::move(folder)}, name_{std::move(name)}, file_{std::move(file)} {}
  Temporary(Temporary&& other) noexcept
      : folder_{std::move(other.folder_)},
        name_{std::exchange(other.name_, {})},
        file_{std::move(other.file_)} {}
  Temporary& operator=(Temporary&&) = delete;
  ~Temporary() {
    if (!name_.empty()) ignore_error(folder_.remove_file(name_), "remove_leftovers() will find it");
  }

  [[nodiscard]] const io::FileHandle& file() const { return file_; }

  Result<> move_to(const io::Directory& target, const std::string& name) {
    REPRIEVE_RETURN_IF_ERROR(folder_.rename_new(name_, target, name));
    name_.clear();
    return kOk;
  }
  Result<> move_over(const io::Directory& target, const std::string& name) {
    REPRIEVE_RETURN_IF_ERROR(folder_.rename(name_, target, name));
    name_.clear();
    return kOk;
  }

 private:
  io::Directory folder_;
  std::string name_;
  io::FileHandle file_;
};

class LocalStore::Key {};

LocalStore::LocalStore(const Key&, std::string path, io::Directory root, Options options)
    : path_{std::move(path)}, root_{std::move(root)}, options_{std::move(options)} {}

Result<std::unique_ptr<LocalStore>> LocalStore::create(const std::string& path, Options options) {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(path));
  REPRIEVE_TRY(const auto names, io::list_dir(path));
  if (!names.empty()) {
    return Error{ErrorKind::kConflict, "create a store in " + path + ": the folder is not empty",
                 "Choose a folder that is empty or does not exist yet."};
  }
  return open(path, std::move(options));
}

Result<std::unique_ptr<LocalStore>> LocalStore::open(const std::string& path, Options options) {
  REPRIEVE_TRY(io::Directory root, io::Directory::open(path));
  return std::make_unique<LocalStore>(Key{}, path, std::move(root), std::move(options));
}

Result<LocalStore::OpenObject> LocalStore::open_object(const ObjectKey& key) const {
  REPRIEVE_TRY(const Place place, local::place_of(key));
  const std::string path = place.folder.empty() ? place.name : place.folder + "/" + place.name;
  auto file = root_.open_file(path, O_RDONLY);
  if (!file && is_absent(file.error())) return no_such_object(key);
  if (!file) return std::move(file).error();
  struct ::stat status {};
  if (::fstat(file->fd(), &status) != 0) return error_from_errno(errno, "stat " + path);
  if (!S_ISREG(status.st_mode)) return no_such_object(key);
  return OpenObject{*std::move(file), ByteCount{static_cast<std::uint64_t>(status.st_size)}};
}

Result<LocalStore::Temporary> LocalStore::write_temporary(ByteView body) {
  while (true) {
    REPRIEVE_TRY(io::Directory folder,
                 local::open_or_make_folder(root_, std::string{kTemporaryFolder}));
    std::array<std::byte, 12> random{};
    options_.random->fill(random);
    std::string name = to_hex(random);
    auto file = folder.open_file(name, O_RDWR | O_CREAT | O_EXCL);
    if (!file && file.error().kind == ErrorKind::kConflict) continue;
    if (!file) return std::move(file).error();
    Temporary temporary{std::move(folder), std::move(name), *std::move(file)};
    // Best effort: where locks do not work, remove_leftovers() gets none either and removes
    // nothing.
    static_cast<void>(::flock(temporary.file().fd(), LOCK_EX | LOCK_NB));
    struct ::stat status {};
    if (::fstat(temporary.file().fd(), &status) != 0) return error_from_errno(errno, "stat");
    // Between creation and lock it may have been taken for a leftover.
    if (status.st_nlink == 0) continue;
    REPRIEVE_RETURN_IF_ERROR(io::write_all(temporary.file(), body));
    // Before the file gets its name: an object that can be seen is whole, also after a power cut.
    auto synced = options_.sync_file(temporary.file());
    if (!synced) return file_sync_failed(std::move(synced).error());
    return temporary;
  }
}

Result<> LocalStore::keep_if_same(const ObjectKey& key, ByteView body) {
  auto object = open_object(key);
  if (!object && object.error().kind == ErrorKind::kNotFound) {
    return Error{ErrorKind::kConflict,
                 key + ": something that is no object is in its place, or it is being removed"};
  }
  if (!object) return std::move(object).error();
  if (object->size.value != body.size()) return other_bytes_stored(key);
  REPRIEVE_TRY(const bool is_same, holds(object->file, body));
  if (!is_same) return other_bytes_stored(key);
  // Whoever put it there may not have synced it; we promise that our sync() covers it.
  auto synced = options_.sync_file(object->file);
  if (!synced) return file_sync_failed(std::move(synced).error());
  return kOk;
}

Result<> LocalStore::put(const ObjectKey& key, ByteView body) {
  auto stored = [&]() -> Result<> {
    REPRIEVE_TRY(const Place place, local::place_of(key));
    REPRIEVE_RETURN_IF_ERROR(check_sound());
    REPRIEVE_TRY(const io::Directory folder, local::open_or_make_folder(root_, place.folder));
    if (folder.stat(place.name)) {
      REPRIEVE_RETURN_IF_ERROR(keep_if_same(key, body));
    } else {
      REPRIEVE_TRY(Temporary temporary, write_temporary(body));
      auto moved = temporary.move_to(folder, place.name);
      if (!moved && moved.error().kind != ErrorKind::kConflict) return std::move(moved).error();
      if (!moved) REPRIEVE_RETURN_IF_ERROR(keep_if_same(key, body));
    }
    mark_dirty(place.folder);
    return kOk;
  }();
  if (stored) return kOk;
  Error error = std::move(stored).error().at("put " + key);
  if (error.kind != ErrorKind::kExhausted) return error;
  return std::move(error).with_hint("Free some space below " + path_ +
                                    " or raise the limit, then run the same command again.");
}

Result<> LocalStore::sync() {
  const std::lock_guard one_at_a_time{sync_mutex_};
  std::set<std::string> folders;
  {
    const std::lock_guard lock{mutex_};
    folders.swap(dirty_folders_);
  }
  REPRIEVE_RETURN_IF_ERROR(check_sound());
  const std::vector<std::string> list{folders.begin(), folders.end()};
  // Each sync waits for the disk, not for the processor; several at once share its flushes.
  const std::size_t thread_count = std::clamp<std::size_t>(list.size() / 4, 1, kSyncThreadsMax);
  std::vector<FolderSyncs> done(thread_count);
  std::vector<std::thread> threads;
  const auto share = [&](std::size_t i) {
    const std::size_t begin = list.size() * i / thread_count;
    const std::size_t end = list.size() * (i + 1) / thread_count;
    done[i] = sync_folders(std::span{list}.subspan(begin, end - begin));
  };
  for (std::size_t i = 1; i < thread_count; ++i)
    threads.emplace_back(share, i);
  share(0);
  for (std::thread& thread : threads)
    thread.join();
  for (FolderSyncs& part : done) {
    if (part.failed) return sync_failed(*std::move(part.failed));
  }
  for (FolderSyncs& part : done) {
    if (!part.unopened) continue;
    const std::lock_guard lock{mutex_};
    dirty_folders_.merge(folders);  // Nothing was lost: the next sync() takes them up again.
    return *std::move(part.unopened);
  }
  return kOk;
}

LocalStore::FolderSyncs LocalStore::sync_folders(std::span<const std::string> folders) const {
  for (const std::string& folder : folders) {
    const auto opened = local::open_folder(root_, folder);
    if (!opened) return {.unopened = Error{opened.error()}.at("sync folder " + folder)};
    auto synced = options_.sync_folder(*opened);
    if (!synced) return {.failed = std::move(synced).error().at("sync folder " + folder)};
  }
  return {};
}

Result<Bytes> LocalStore::get(const ObjectKey& key, ByteRange range) {
  REPRIEVE_TRY(const OpenObject object, open_object(key));
  REPRIEVE_RETURN_IF_ERROR(check_range(key, range, object.size));
  Bytes bytes(static_cast<std::size_t>(range.length.value));
  auto read = io::pread_exact(object.file, bytes, range.offset);
  if (!read) return std::move(read).error().at("get " + key);
  return bytes;
}

Result<Bytes> LocalStore::get(const ObjectKey& key, ByteCount size_max) {
  REPRIEVE_TRY(const OpenObject object, open_object(key));
  if (object.size > size_max) return object_too_large(key, object.size, size_max);
  Bytes bytes(static_cast<std::size_t>(object.size.value));
  auto read = io::pread_exact(object.file, bytes, ByteOffset{0});
  if (!read) return std::move(read).error().at("get " + key);
  return bytes;
}

Result<ObjectInfo> LocalStore::stat(const ObjectKey& key) {
  REPRIEVE_TRY(const OpenObject object, open_object(key));
  return ObjectInfo{key, object.size};
}

Result<> LocalStore::list(std::string_view prefix, const Visit& visit) {
  return local::list_objects(root_, prefix, visit);
}

Result<> LocalStore::replace_damaged(const ObjectKey& key, ByteView body) {
  auto replaced = [&]() -> Result<> {
    REPRIEVE_TRY(const Place place, local::place_of(key));
    REPRIEVE_RETURN_IF_ERROR(check_sound());
    REPRIEVE_TRY(const io::Directory folder, local::open_or_make_folder(root_, place.folder));
    REPRIEVE_TRY(Temporary temporary, write_temporary(body));
    REPRIEVE_RETURN_IF_ERROR(temporary.move_over(folder, place.name));
    mark_dirty(place.folder);
    return sync();
  }();
  if (!replaced) return std::move(replaced).error().at("replace " + key);
  return kOk;
}

Result<> LocalStore::remove(const ObjectKey& key) {
  REPRIEVE_TRY(const Place place, local::place_of(key));
  auto removed = [&]() -> Result<> {
    REPRIEVE_TRY(const io::Directory folder, local::open_folder(root_, place.folder));
    REPRIEVE_RETURN_IF_ERROR(folder.remove_file(place.name));
    mark_dirty(place.folder);
    return kOk;
  }();
  if (!removed && !is_absent(removed.error()))
    return std::move(removed).error().at("remove " + key);
  return kOk;
}

Result<std::size_t> LocalStore::remove_leftovers() {
  auto folder = root_.open_directory(std::string{kTemporaryFolder});
  if (!folder && folder.error().kind == ErrorKind::kNotFound) return std::size_t{0};
  if (!folder) return std::move(folder).error();
  REPRIEVE_TRY(const auto entries, folder->list());
  std::size_t removed_count = 0;
  for (const io::DirectoryEntry& entry : entries) {
    const auto file = folder->open_file(entry.name, O_RDONLY);
    if (!file) continue;                                        // Finished or removed meanwhile.
    if (::flock(file->fd(), LOCK_EX | LOCK_NB) != 0) continue;  // Its writer lives.
    auto removed = folder->remove_file(entry.name);
    if (removed) ++removed_count;
    if (!removed && !is_absent(removed.error())) return std::move(removed).error();
  }
  return removed_count;
}

Result<> LocalStore::check_sound() const {
  const std::lock_guard lock{mutex_};
  if (broken_) return *broken_;
  return kOk;
}

Error LocalStore::file_sync_failed(Error error) {
  // A full disk, as NFS and quotas tell it: the file is thrown away, and no other one is in doubt.
  if (error.kind == ErrorKind::kExhausted) return error;
  return sync_failed(std::move(error));
}

Error LocalStore::sync_failed(Error error) {
  const std::lock_guard lock{mutex_};
  if (!broken_) {
    broken_ = std::move(error)
                  .at("an earlier sync of " + path_ + " failed")
                  .with_hint("Check the disk (kernel log, SMART), then run the command again.");
  }
  return *broken_;
}

void LocalStore::mark_dirty(const std::string& folder) {
  const std::lock_guard lock{mutex_};
  dirty_folders_.insert(folder);
  if (!seen_folders_.insert(folder).second) return;
  // The folder may be new, and so may those above it: their names must be durable too. Once per
  // process is enough.
  for (std::string above = folder; !above.empty();) {
    const std::size_t slash = above.rfind('/');
    above.resize(slash == std::string::npos ? 0 : slash);
    dirty_folders_.insert(above);
  }
}

}  // namespace reprieve
