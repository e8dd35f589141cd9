#pragma once

#include <mutex>
#include <vector>

#include "repository/chunk_reader.hpp"
#include "repository/snapshot.hpp"
#include "source/source.hpp"

namespace reprieve::backup {

/// The far side of a restorer: reads trees and chunks of a repository. Thread-safe. Everything
/// passed in must outlive it.
class RepositoryReader : public RestoreReader {
 public:
  RepositoryReader(const repository::Repository& repository, Progress& progress,
                   const CancelToken& cancel);

  /// The entries of a snapshot's root tree.
  Result<std::vector<Entry>> roots_of(const repository::Snapshot& snapshot);

  /// One chunk of a content. Errors: as ChunkReader::read().
  Result<Bytes> read_chunk(const ChunkRef& chunk);

  Result<std::vector<Entry>> read_directory(const ListRef& directory) override;
  Result<std::vector<ChunkRef>> chunks_of(const Content& content) override;
  bool is_chunk(const ChunkId& id, ByteView plaintext) override;
  Result<> fetch(std::span<const Request> requests, const Deliver& deliver,
                 const Missing& missing) override;
  void report(Problem problem) override;
  Progress& progress() override { return progress_; }
  const CancelToken& cancel() override { return cancel_; }

  /// What was reported. Call when the restore is over.
  [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }

 private:
  Result<std::vector<Entry>> read_trees(const ListRef& directory, bool is_root);
  Result<std::vector<ChunkRef>> expand(const ListRef& list);

  repository::ChunkReader chunks_;
  Progress& progress_;
  const CancelToken& cancel_;
  std::mutex mutex_;
  std::vector<Problem> problems_;  // Guarded by mutex_ while the restore runs.
};

}  // namespace reprieve::backup
