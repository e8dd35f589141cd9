#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/budget_cache.hpp"
#include "mount/internal/file_reader.hpp"
#include "mount/internal/inode_table.hpp"
#include "mount/view.hpp"

namespace reprieve::mount {

using Listing = std::vector<backup::PointTree::Node>;

/// A directory of the mount that somebody entered. Immutable.
struct Directory {
  enum class Kind : std::uint8_t {
    kTop,     ///< Holds a folder for each source.
    kSource,  ///< Holds a folder for each point, and `latest`.
    kTree,    ///< Of a point.
  };
  Kind kind = Kind::kTop;
  std::uint64_t number = InodeTable::kRoot;
  std::shared_ptr<const Directory> parent;  ///< Null for the mount's root.
  std::size_t source = 0;                   ///< kSource.
  /// kTree: number of the point's root, which its link groups count from.
  std::uint64_t scope = 0;
  std::shared_ptr<const backup::PointTree> tree;  ///< kTree.
  backup::PointTree::Node node;
};

/// What the kernel is told of an inode.
struct Attributes {
  std::uint64_t number = 0;
  Entry entry;  ///< Without its content's chunks and its directory.
  std::uint32_t links = 1;
  std::uint64_t stored_bytes = 0;
};

/// Points as a file system: everything that a mount answers, without a word about FUSE. Reads
/// through `reader`, which must outlive it. Thread-safe.
class FileSystem {
 public:
  /// Called once for each file or directory that cannot be read; one at a time.
  using Warn = std::function<void(const std::string& path, const Error& error)>;

  /// Folders for sources, in them folders for points.
  FileSystem(RestoreReader& reader, FileReader::ReadChunk read_chunk,
             std::vector<ShownSource> sources, Warn warn);
  /// One point, which is the root.
  FileSystem(RestoreReader& reader, FileReader::ReadChunk read_chunk,
             std::unique_ptr<backup::PointTree> tree, Warn warn);

  /// All below take numbers that look_up() or remember() gave and that forget() did not take back.
  /// Errors: kNotFound for another number; kInvalid for the wrong kind of inode; the reader's.
  Result<Attributes> attributes(std::uint64_t number);
  /// Counts as one look-up. Nothing if there is no such name.
  Result<std::optional<Attributes>> look_up(std::uint64_t directory, std::string_view name);
  void forget(std::uint64_t number, std::uint64_t lookups) { inodes_.forget(number, lookups); }

  Result<std::shared_ptr<const Directory>> directory(std::uint64_t number);
  Result<std::shared_ptr<const Listing>> list(const Directory& directory);
  /// What look_up() of a name in a listing gives.
  Result<Attributes> remember(const std::shared_ptr<const Directory>& directory,
                              const Listing& listing, std::size_t index);
  /// The number that a name in a listing has; counts as nothing.
  static std::uint64_t number_of(const Directory& directory, const Listing& listing,
                                 std::size_t index);

  /// The whole entry.
  Result<Entry> entry(std::uint64_t number);
  Result<std::vector<FileReader::Piece>> read(std::uint64_t number, std::uint64_t offset,
                                              std::size_t length);

  [[nodiscard]] std::size_t inodes() const { return inodes_.size(); }
  /// Files and directories that could not be read so far.
  [[nodiscard]] std::size_t problems() const;

 private:
  /// A name in a listing that is kept in memory.
  struct Item {
    std::shared_ptr<const Directory> directory;
    std::shared_ptr<const Listing> listing;
    std::size_t index = 0;
    [[nodiscard]] const Entry& entry() const { return (*listing)[index].entry; }
  };
  struct Key {
    ChunkId id;
    std::uint64_t number = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return hash_value(key.id) ^ key.number; }
  };
  using Listings = BudgetCache<Key, Listing, KeyHash>;
  using Directories = BudgetCache<std::uint64_t, Directory>;

  Result<Item> item(std::uint64_t number);
  Result<Directories::Loaded> make_directory(std::uint64_t number);
  static Identity identity_of(const Directory& directory, const Listing& listing,
                              std::size_t index);
  static std::string path_of(const Directory& directory);
  /// Tells of the error, once, and hands it on.
  Error told(std::uint64_t number, const std::string& path, Error error);

  RestoreReader& reader_;
  const std::vector<ShownSource> sources_;
  const Warn warn_;
  std::shared_ptr<const Directory> root_;
  std::shared_ptr<const Listing> top_;
  std::vector<std::shared_ptr<const Listing>> source_listings_;
  InodeTable inodes_;
  Listings listings_;
  Directories directories_;
  FileReader files_;
  mutable std::mutex mutex_;
  std::set<std::uint64_t> told_;  // Guarded by mutex_.
};

}  // namespace reprieve::mount
