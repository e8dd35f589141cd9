#pragma once

#include <condition_variable>
#include <map>
#include <optional>

#include "source/filesystem/internal/file_writer.hpp"
#include "source/filesystem/internal/listing.hpp"
#include "source/filesystem/internal/target.hpp"

namespace reprieve::filesystem {

/// Chunks to be fetched together, so that the repository can read them in the order in which it has
/// them.
struct FetchBatch {
  std::vector<std::shared_ptr<TargetFile>> files;
  std::vector<RestoreReader::Request> requests;
  std::uint64_t bytes = 0;
};

/// Writes trees below a target with several threads: each takes a directory, makes what is in it
/// and adds the files' chunks to a common batch; whoever fills a batch fetches it. A directory's
/// own metadata is set when all in it is done. One object serves one restore.
class RestoreRun {
 public:
  RestoreRun(RestoreReader& reader, const RestoreOptions& options);

  Result<RestoreSummary> run(std::vector<Entry> roots);

 private:
  using Shared = std::shared_ptr<TargetDirectory>;
  struct Leader {
    Shared directory;
    std::string name;
    std::uint32_t flags = 0;
  };
  struct Follower {
    Shared directory;
    Entry entry;
    bool exists = false;
  };
  using Existing = const Listed*;  ///< What has the name in the target, or null.

  Result<Shared> open_target();
  Result<> add_roots(const Shared& target, std::vector<Entry> roots);
  Result<Shared> directory_at(const Shared& target, std::string_view path);
  void work_all();
  void work();
  Result<> expand(const Shared& directory);
  Result<bool> enter(TargetDirectory& directory);
  int open_directory(TargetDirectory& directory, int parent_fd);
  Result<std::optional<std::vector<Entry>>> read_tree(TargetDirectory& directory);
  Result<> place_all(const Shared& directory, std::vector<Entry> entries);
  Result<> place(const Shared& directory, Entry entry, Existing existing,
                 std::span<const Entry> siblings);
  Result<bool> clear_way(TargetDirectory& directory, const Entry& entry, Existing& existing);
  void place_directory(const Shared& directory, Entry entry, Existing existing,
                       Selection::Verdict verdict);
  Result<> place_file(const Shared& directory, Entry entry, Existing existing,
                      std::string write_name);
  void keep_file(TargetDirectory& directory, const Entry& entry, const ExistingFile& file);
  Result<std::optional<std::vector<ChunkRef>>> chunks_of(TargetDirectory& directory,
                                                         const Entry& entry);
  Result<> write_pieces(const std::shared_ptr<TargetFile>& file, std::span<const ChunkRef> chunks,
                        const ExistingFile& present, LocalPieces pieces);
  Result<> place_special(const Shared& directory, Entry entry, Existing existing,
                         const std::string& write_name);
  int make_special(int directory_fd, const std::string& name, const Entry& entry);
  bool is_present(TargetDirectory& directory, const Entry& entry, Existing existing);
  Result<> delete_extra(TargetDirectory& directory, const std::vector<Listed>& listed,
                        const std::vector<Entry>& entries);
  Result<> add_to_batch(const std::shared_ptr<TargetFile>& file, std::span<const ChunkRef> chunks,
                        const LocalPieces& pieces);
  Result<> fetch(FetchBatch batch);
  Result<> make_links();
  Result<> make_link(const Follower& follower);
  void complete(Shared directory);
  void finish(TargetDirectory& directory);
  Selection::Verdict judge(const TargetDirectory& directory, std::string_view name);
  void count(const Entry& entry);
  void count_unchanged(const Entry& entry);
  void count_to_write(const Entry& entry, std::uint64_t bytes_at_hand);

  RestoreContext context_;
  FileWriter writer_;
  Selection selection_;

  std::mutex mutex_;
  std::condition_variable has_work_;
  std::vector<Shared> stack_;  // Guarded by mutex_, as all below.
  std::size_t busy_ = 0;
  std::optional<Error> error_;
  FetchBatch batch_;
  std::map<std::uint64_t, Leader> leaders_;
  std::vector<Follower> followers_;
};

/// Two parts of a path; the first may be empty.
std::string joined(std::string_view directory, std::string_view name);

}  // namespace reprieve::filesystem
