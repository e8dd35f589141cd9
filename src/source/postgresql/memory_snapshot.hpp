#pragma once

#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "source/source.hpp"

namespace reprieve {

/// Both sides of a source in memory: what was captured into it can be restored from it. For tests.
class MemorySnapshot : public CaptureSink, public RestoreReader {
 public:
  Result<Content> put_content(ByteReader& reader, Chunking chunking) override;
  Result<ListRef> put_directory(std::vector<Entry> entries) override;
  bool has(const Content& content) override;
  bool has(const ListRef& stored) override;

  Result<std::vector<Entry>> read_directory(const ListRef& directory) override;
  Result<std::vector<ChunkRef>> chunks_of(const Content& content) override;
  bool is_chunk(const ChunkId& id, ByteView plaintext) override;
  Result<> fetch(std::span<const Request> requests, const Deliver& deliver,
                 const Missing& missing) override;

  void report(Problem problem) override;
  Progress& progress() override { return progress_; }
  const CancelToken& cancel() override { return cancel_; }

  // For the test itself.
  CancelToken& token() { return cancel_; }
  [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }
  /// Loses the chunks of a content, as a damaged repository would, until heal().
  void lose(const Content& content);
  void heal();
  /// The entry at a path like "data/global/pg_control" below these roots. Errors: kNotFound.
  Result<Entry> find(const std::vector<Entry>& roots, const std::string& path);

 private:
  std::mutex mutex_;
  std::map<ChunkId, Bytes> chunks_;  // Guarded by mutex_, as all below.
  std::map<ChunkId, Bytes> lost_;
  std::map<ChunkId, std::vector<Entry>> directories_;
  std::vector<Problem> problems_;
  Progress progress_;
  CancelToken cancel_;
};

}  // namespace reprieve
