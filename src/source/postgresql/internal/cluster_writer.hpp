#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/directory.hpp"
#include "io/file.hpp"
#include "source/postgresql/internal/present_file.hpp"
#include "source/source.hpp"

namespace reprieve {

/// Whose the restored files are; nothing leaves them to the current user.
struct FileOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// How stored trees meet what lies in the directories already.
enum class Writing : std::uint8_t {
  kAnew,      ///< No file is there.
  kDelta,     ///< Files that are there are compared, and written where they differ, in place.
  kDryDelta,  ///< The same, but nothing is written. Directories may be absent: not open.
};

/// Writes stored trees into directories. Names are hostile: each is checked, and nothing is written
/// outside the directory that it was given. Contents are collected and fetched in large batches;
/// call flush() at the end. For one thread; compares with several of its own.
class ClusterWriter {
 public:
  ClusterWriter(RestoreReader& reader, std::optional<FileOwner> owner, Writing writing);

  /// Writes all that lies in `tree` but the paths in `left_out` (relative to the tree).
  /// `shown` is what error texts call `folder`. Errors: kCorrupt, kExhausted, kDenied, kCancelled.
  Result<> write_tree(const io::Directory& folder, const std::string& shown, const ListRef& tree,
                      const std::set<std::string>& left_out = {});

  /// Writes one file; its bytes are there after flush().
  Result<> write_file(const io::Directory& folder, const std::string& shown, const Entry& entry);

  /// Makes a directory if it is missing, with this mode and the owner.
  Result<io::Directory> make_folder(const io::Directory& parent, const std::string& name,
                                    mode_t mode);
  Result<> give_away(int fd) const;

  /// Fetches what was collected. Errors: kCorrupt, naming the files whose chunks are lost.
  Result<> flush();

  [[nodiscard]] std::uint64_t files() const { return files_; }
  [[nodiscard]] std::uint64_t directories() const { return directories_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // Of those, after flush(); in a dry run what would be.
  [[nodiscard]] std::uint64_t files_unchanged() const { return files_unchanged_; }
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }
  /// Of the files written: what was there already.
  [[nodiscard]] std::uint64_t bytes_kept() const { return bytes_kept_; }

 private:
  struct OpenFile {
    std::optional<PresentFile> present;
    io::FileHandle file;  ///< A new one; else that of `present` counts.
    std::string shown;
    FileTime modified;
    std::uint64_t size = 0;
    Bytes inline_bytes;
    std::vector<RestoreReader::Request> requests;  ///< What is to be brought.
    PresentParts parts;

    [[nodiscard]] const io::FileHandle& handle() const { return present ? present->file : file; }
  };
  Result<> write_entry(const io::Directory& folder, const std::string& shown,
                       const std::string& path, const Entry& entry,
                       const std::set<std::string>& left_out);
  Result<> write_level(const io::Directory& folder, const std::string& shown,
                       const std::string& path, const ListRef& tree,
                       const std::set<std::string>& left_out);
  Result<io::Directory> find_folder(const io::Directory& parent, const std::string& name);
  Result<> open_target(const io::Directory& folder, const Entry& entry, OpenFile& target);
  Result<> compare_batch();
  Result<> prepare_batch(std::vector<RestoreReader::Request>& requests);
  Result<> fetch_batch(const std::vector<RestoreReader::Request>& requests);
  Result<> close_batch();

  RestoreReader& reader_;
  const std::optional<FileOwner> owner_;
  const Writing writing_;
  std::vector<OpenFile> open_;
  std::size_t requests_ = 0;  ///< Of all open files.
  std::mutex mutex_;
  std::set<std::string> lost_;  // Guarded by mutex_ while a batch is fetched.
  std::uint64_t files_ = 0;
  std::uint64_t directories_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t files_unchanged_ = 0;
  std::uint64_t bytes_written_ = 0;
  std::uint64_t bytes_kept_ = 0;
};

/// Counts what write_tree() would write. Errors: kCorrupt; the reader's.
struct TreeSize {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0;
};
Result<TreeSize> measure_tree(RestoreReader& reader, const ListRef& tree);

/// The requests that bring `content`, tagged. Errors: kCorrupt if lengths do not add up.
Result<std::vector<RestoreReader::Request>> requests_for(RestoreReader& reader,
                                                         const Content& content, std::uint64_t tag);

}  // namespace reprieve
