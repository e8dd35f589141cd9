#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_set>

#include "base/random.hpp"
#include "io/directory.hpp"
#include "storage/object_store.hpp"

namespace reprieve {

/// What a LocalStore takes from outside; the defaults are the real things.
struct LocalStoreOptions {
  RandomSource* random = &system_random();  ///< Names of temporary files. Must outlive the store.
  std::function<Result<>(const io::FileHandle&)> sync_file = io::sync_data;
  std::function<Result<>(const io::Directory&)> sync_folder = [](const io::Directory& folder) {
    return folder.sync();
  };
};

/// Objects as files below one folder, on a local or network file system.
///
///   ROOT/KEY                 an object
///   ROOT/pack/3f/3fa9...     the object "pack/3fa9...": packs are spread over 256 folders
///   ROOT/_tmp/NAME           being written; the writer holds a lock on it
///
/// An object is written to _tmp, synced, and then given its name by a rename that never replaces,
/// so it is whole wherever it can be seen, also after a power cut. The folders are synced by
/// sync(). Several processes, also on several hosts, may use one folder at the same time.
///
/// Beyond the contract: a key whose first segments are another object's key cannot be stored
/// ("a" and "a/b"), nor one with more than two segments below "pack/"; both are kInvalid.
///
/// A failed sync is final: the kernel may have dropped the unwritten pages, so a later sync that
/// succeeds proves nothing. From then on put(), sync() and replace_damaged() fail with that error.
class LocalStore : public ObjectStore {
 public:
  using Options = LocalStoreOptions;
  class Key;  ///< Only create() and open() have one.
  LocalStore(const Key&, std::string path, io::Directory root, Options options);

  /// Makes the folder, durably. Errors: kConflict if it exists and is not empty; kDenied.
  static Result<std::unique_ptr<LocalStore>> create(const std::string& path, Options options = {});
  /// Errors: kNotFound; kInvalid if it is no folder; kDenied.
  static Result<std::unique_ptr<LocalStore>> open(const std::string& path, Options options = {});

  Result<> put(const ObjectKey& key, ByteView body) override;
  Result<> sync() override;
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override;
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override;
  Result<ObjectInfo> stat(const ObjectKey& key) override;
  Result<> list(std::string_view prefix, const Visit& visit) override;
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override;
  Result<> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string describe() const override { return path_; }

  /// Removes temporary files whose writer is gone (nobody holds their lock); returns how many.
  Result<std::size_t> remove_leftovers();

 private:
  class Temporary;
  struct FolderSyncs;
  struct OpenObject;

  Result<OpenObject> open_object(const ObjectKey& key) const;
  Result<Temporary> write_temporary(ByteView body);
  Result<> keep_if_same(const ObjectKey& key, ByteView body);
  Result<> check_sound() const;
  FolderSyncs sync_folders(std::span<const std::string> folders) const;
  Error file_sync_failed(Error error);
  Error sync_failed(Error error);
  void mark_dirty(const std::string& folder);

  const std::string path_;
  const io::Directory root_;
  const Options options_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::set<std::string> dirty_folders_;
  std::unordered_set<std::string> seen_folders_;  // Their parents were marked dirty once.
  std::optional<Error> broken_;

  std::mutex sync_mutex_;  // Held over a whole sync(): a second caller must wait for the first.
};

}  // namespace reprieve
