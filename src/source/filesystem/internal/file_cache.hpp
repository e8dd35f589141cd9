#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "io/file.hpp"
#include "source/filesystem/internal/inode.hpp"
#include "tree/entry.hpp"

/// The file cache: what the last capture found, by directory, so that unchanged files are not read
/// again. It is a hint. Whatever is wrong with it, all that is lost is time: the header, the index
/// and each record carry a checksum, and the entries go through the parser of trees.
///
///   header | record ... | index: (path hash, offset) sorted
///
/// Records and indexes may follow that the header does not know yet: a run that was killed.
namespace reprieve::filesystem {

/// By what a file is recognised as unchanged. The change time cannot be set back by anyone, so
/// that a file with an old modification time is not taken for the old file.
struct CacheKey {
  std::uint64_t number = 0;  ///< 0: never matches.
  std::uint64_t size = 0;
  std::int64_t modified_seconds = 0;
  std::int64_t changed_seconds = 0;
  std::uint32_t modified_nanoseconds = 0;
  std::uint32_t changed_nanoseconds = 0;
  friend bool operator==(const CacheKey&, const CacheKey&) = default;
};
CacheKey key_of(const Inode& inode);

struct CachedDirectory {
  ListRef stored;
  std::vector<CacheKey> keys;
  std::vector<Entry> entries;  ///< Sorted by name, one per key.
};

struct CacheTotals {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

/// Hash of a path, built up name by name.
std::uint64_t hash_of_child(std::uint64_t parent_hash, std::string_view name);
std::uint64_t checksum_of(ByteView bytes);

/// The two halves of a record: which directory it is, and what lay in it.
struct RecordHead {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  ListRef stored;
};
Bytes encode_cached_entries(const std::vector<CacheKey>& keys, std::span<const Entry> entries);
Bytes encode_record(const RecordHead& head, ByteView cached_entries);
/// Errors: kCorrupt; kNotFound if the record is of another directory than (device, number).
Result<CachedDirectory> parse_record(ByteView record, std::uint64_t device, std::uint64_t number);

/// A cache on disk, mapped. Thread-safe once open.
class FileCache {
 public:
  /// Empty if there is no file, it is damaged, or it was made with other options.
  FileCache(const std::string& path, std::uint64_t options_hash);
  ~FileCache();
  FileCache(const FileCache&) = delete;
  FileCache& operator=(const FileCache&) = delete;

  [[nodiscard]] std::optional<CachedDirectory> find(std::uint64_t path_hash, std::uint64_t device,
                                                    std::uint64_t number) const;
  [[nodiscard]] const CacheTotals& totals() const { return totals_; }
  [[nodiscard]] std::size_t size() const { return index_.size(); }

 private:
  friend class FileCacheWriter;
  struct Slot {
    std::uint64_t path_hash = 0;
    std::uint64_t offset = 0;
    friend auto operator<=>(const Slot&, const Slot&) = default;
  };
  bool load(std::uint64_t options_hash);
  /// Empty if there is none or its checksum is wrong.
  [[nodiscard]] ByteView record_of(std::uint64_t path_hash) const;
  void count_touched(std::size_t bytes) const;

  ByteView map_;
  mutable std::atomic<std::size_t> touched_bytes_ = 0;  // Of the map, since its pages were let go.
  std::vector<Slot> index_;
  CacheTotals totals_;
};

/// When a run puts what it has found so far on record, for the case that it is killed.
struct Checkpoints {
  Clock& clock;
  Duration interval;
};

/// Writes the next cache beside the old one; commit() puts it in place. Thread-safe.
class FileCacheWriter {
 public:
  FileCacheWriter(std::string path, std::uint64_t options_hash, const FileCache& old,
                  const Checkpoints& checkpoints);
  /// Removes what was not committed.
  ~FileCacheWriter();
  /// If the last run was killed, lets the cache at `path` have what that run had put on record
  /// beside it. For the start of a run, before the cache is opened.
  static void adopt_remains(const std::string& path, std::uint64_t options_hash);
  FileCacheWriter(const FileCacheWriter&) = delete;
  FileCacheWriter& operator=(const FileCacheWriter&) = delete;

  void add(std::uint64_t path_hash, const RecordHead& head, ByteView cached_entries);
  /// The old record still says it all.
  void keep(std::uint64_t path_hash);

  enum class Run : std::uint8_t { kComplete, kInterrupted };
  /// After an interrupted run, what the old cache knows of the rest stays. Leaves the old file as
  /// it is if nothing changed. Errors: of writing; the old cache is then still there.
  Result<> commit(Run run, const CacheTotals& totals);

 private:
  void append(std::uint64_t path_hash, ByteView record);  // mutex_ is held.
  void flush();
  Result<> write_index(const CacheTotals& totals);

  const std::string path_;
  const std::string new_path_;
  const std::uint64_t options_hash_;
  const FileCache& old_;
  const Checkpoints checkpoints_;
  std::mutex mutex_;
  io::FileHandle fd_;  // Guarded by mutex_, as all below. Opened at the first record.
  Bytes buffer_;
  std::uint64_t offset_ = 0;
  std::vector<FileCache::Slot> index_;
  std::vector<std::uint64_t> kept_;
  Duration written_at_{};  // When the last index was written, or the file begun.
  int error_ = 0;
};

}  // namespace reprieve::filesystem
