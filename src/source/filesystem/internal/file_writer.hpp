#pragma once

#include <span>

#include "source/filesystem/internal/existing_file.hpp"
#include "source/filesystem/internal/target.hpp"

namespace reprieve::filesystem {

/// Makes, fills and completes regular files. A file appears under its final name when it is
/// complete or, where nothing had that name and it is written in one go, at once: its modification
/// time is set last, so that a half-written one never passes for finished. Thread-safe.
class FileWriter {
 public:
  explicit FileWriter(RestoreContext& context) : context_{context} {}

  /// Goes on with the file's temporary one, which an interrupted run left holding `pieces`. False
  /// if it cannot be trusted or used: the file then begins anew.
  bool resume(TargetFile& file, const ExistingFile& left_over, const LocalPieces& pieces);
  /// Begins a file with the pieces of it that `from` holds. Those that it lost since they were
  /// found are dropped from `pieces`. Errors: as write_chunk().
  Result<> take_over(TargetFile& file, const ExistingFile& from, std::span<const ChunkRef> chunks,
                     LocalPieces& pieces);
  /// Completes a file that was begun by one of these and lacks no chunk.
  Result<> complete(TargetFile& file);
  /// Writes bytes that lie `stored_offset` into the stored part of the file (holes left out), and
  /// completes the file with its last chunk. True if that was now.
  /// Errors: kExhausted if the disk is full, and others that end the run.
  Result<bool> write_chunk(TargetFile& file, std::uint64_t stored_offset, ByteView bytes);
  /// A chunk that is not to be had: the file is given up. True if it was the last chunk.
  Result<bool> miss_chunk(TargetFile& file, const Error& why);
  /// Inline contents, empty files and files that are one hole. True if the file was written.
  Result<bool> write_whole(TargetFile& file);
  /// Removes an incomplete file: for runs that end early.
  void abandon(TargetFile& file);

 private:
  int open(TargetFile& file);
  int create(TargetFile& file, int directory_fd);
  Result<> finish(TargetFile& file);
  Result<> give_up(TargetFile& file, int error, const std::string& what);
  Result<bool> count_chunk(TargetFile& file);
  void count_kept(std::uint64_t bytes);
  void adopt(TargetFile& file, io::FileHandle handle);
  int close(TargetFile& file);
  int close_surplus(TargetFile& file);

  RestoreContext& context_;
  std::atomic<std::size_t> open_files_{0};
};

/// The temporary name for `name`: the same in every run, so that an interrupted run's left-overs
/// are replaced by the next. `attempt` tells apart when an entry has that very name.
std::string temporary_name(std::string_view name, unsigned attempt);

}  // namespace reprieve::filesystem
