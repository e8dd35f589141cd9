#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "source/filesystem/internal/captured_directory.hpp"
#include "source/filesystem/internal/entry_capture.hpp"
#include "source/filesystem/internal/exclude.hpp"
#include "source/filesystem/internal/file_cache.hpp"
#include "source/filesystem/internal/listing.hpp"
#include "source/source.hpp"

namespace reprieve::filesystem {

/// Settings of a walk.
struct WalkOptions {
  ExcludeRules exclude;
  bool one_file_system = false;
  bool honour_cachedir_tag = true;
  unsigned threads = 2;
  /// Change times from here on are not trusted by the next run: a clock of coarse ticks may give
  /// the same time to a later change.
  FileTime trusted_before;
};

/// Walks trees of directories with several threads, depth first, and hands each directory to the
/// sink when all below it is done. One object serves one walk.
class Walker {
 public:
  Walker(CaptureSink& sink, WalkOptions options, const FileCache& cache, FileCacheWriter* writer);

  /// `roots` are sorted absolute paths. Returns one entry for each.
  Result<std::vector<Entry>> run(const std::vector<std::string>& roots);
  [[nodiscard]] CacheTotals totals() const { return {files_, bytes_}; }

 private:
  using Shared = std::shared_ptr<CapturedDirectory>;
  enum class Kind : std::uint8_t { kFiles, kSubdirectories };
  struct Task {
    Shared directory;
    Kind kind;
  };
  /// Some slots of a directory, for one thread.
  struct Job {
    Shared directory;
    Kind kind = Kind::kFiles;
    std::vector<std::uint32_t> slots;
  };

  Result<> add_root(const Shared& top, std::size_t slot, const std::string& path);
  void work();
  std::optional<Job> next_job();
  bool take(Task& task, Job& job);
  Result<> run_files(const Job& job);
  Result<> run_file(CapturedDirectory& directory, int fd, std::uint32_t slot);
  Result<> enter(const Shared& parent, std::uint32_t slot);
  Result<> leave_out(const Shared& parent, std::uint32_t slot, int error);
  Result<> scan(const Shared& directory, int fd);
  void keep_wanted(const CapturedDirectory& directory, int fd, std::vector<Listed>& listed);
  bool is_tagged_cache(int fd, const std::vector<Listed>& listed);
  void use_cached(CapturedDirectory& directory, std::vector<Listed>& listed);
  void count_gone(const CapturedDirectory& directory, std::vector<std::uint64_t> gone);
  bool reuse(CapturedDirectory& directory, std::size_t slot, Entry& known, const CacheKey& key);
  void dispatch(const Shared& directory);
  Result<> complete(Shared directory, std::size_t slots);
  Result<> finish(CapturedDirectory& directory);
  Result<ListRef> store(CapturedDirectory& directory);
  void set_entry(CapturedDirectory& directory, std::size_t slot, std::optional<Entry> entry);
  CacheKey trusted_key(const CapturedDirectory& directory, std::size_t slot) const;
  void fail(Error error);

  CaptureSink& sink_;
  const WalkOptions options_;
  const FileCache& cache_;
  FileCacheWriter* const writer_;
  DirectoryHandles handles_;
  EntryCapture capture_;
  std::atomic<std::uint64_t> files_{0};
  std::atomic<std::uint64_t> bytes_{0};

  std::mutex mutex_;
  std::condition_variable has_job_;
  std::vector<Task> stack_;  // Guarded by mutex_, as all below: the deepest directory is on top.
  bool is_done_ = false;
  std::optional<Error> error_;
};

}  // namespace reprieve::filesystem
