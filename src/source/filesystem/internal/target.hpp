#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "source/filesystem/internal/directory_node.hpp"
#include "source/filesystem/internal/metadata_writer.hpp"
#include "source/filesystem/internal/selection.hpp"
#include "source/filesystem/restore.hpp"
#include "source/source.hpp"

/// What a restore works on: directories and files of the target between their making and their
/// completion.
namespace reprieve::filesystem {

struct TargetDirectory : DirectoryNode {
  [[nodiscard]] std::shared_ptr<TargetDirectory> up() const {
    return std::static_pointer_cast<TargetDirectory>(parent);
  }

  Entry entry;                ///< Its metadata, and its tree.
  bool has_entry = false;     ///< False for directories that only lead to what is restored.
  bool exists = false;        ///< Was there before.
  bool is_entered = false;    ///< Was made or opened; it may be closed for now.
  bool is_virtual = false;    ///< Of a dry run: would be made.
  bool inherits_acl = false;  ///< What is made in it gets attributes that nobody asked for.
  Selection::Verdict verdict = Selection::Verdict::kInside;
  std::string whole_path;  ///< As captured; kept only on the way to a selection, as the next.
  std::string relative_path;
  std::atomic<std::size_t> pending{1};  ///< Things in it that are not done, and 1 while it is read.
};

/// A regular file that is being written.
struct TargetFile {
  TargetFile() = default;
  TargetFile(const TargetFile&) = delete;
  TargetFile& operator=(const TargetFile&) = delete;

  std::shared_ptr<TargetDirectory> directory;
  Entry entry;
  std::string write_name;  ///< Temporary, unless nothing has the final name and it is short.
  std::uint32_t replaced_flags = 0;  ///< Inode flags of what has the final name now.

  std::mutex mutex;  // Guards all below.
  io::FileHandle handle;
  bool is_created = false;
  bool is_failed = false;
  std::size_t chunks_left = 0;
};

/// Everything that the parts of a restore share.
struct RestoreContext {
  RestoreContext(RestoreReader& from, const RestoreOptions& with);

  void report(Problem::Kind kind, std::string path, std::string what);
  /// An errno that ends the run (a full or broken disk) is returned, any other reported.
  Result<> report_or_fail(int error, const std::string& path, const std::string& what);
  /// Removes a name with all that is below it, and counts what is gone. False, after a report, if
  /// something stayed.
  Result<bool> remove(TargetDirectory& directory, const std::string& name, const std::string& what);

  RestoreReader& reader;
  const RestoreOptions& options;
  DirectoryHandles handles;
  MetadataWriter metadata;

  std::atomic<std::uint64_t> files{0};
  std::atomic<std::uint64_t> directories{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> files_written{0};
  std::atomic<std::uint64_t> bytes_written{0};
  std::atomic<std::uint64_t> bytes_kept{0};
  std::atomic<std::uint64_t> files_unchanged{0};
  std::atomic<std::uint64_t> deleted{0};
  std::atomic<std::uint64_t> problems{0};
};

}  // namespace reprieve::filesystem
