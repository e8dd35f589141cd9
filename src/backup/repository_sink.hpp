#pragma once

#include <mutex>
#include <vector>

#include "repository/chunker.hpp"
#include "repository/write_session.hpp"
#include "source/source.hpp"

namespace reprieve::backup {

/// The far side of a source: cuts what it pours into chunks and hands them to a write session.
/// Thread-safe, as CaptureSink asks. Everything passed in must outlive it.
class RepositorySink : public CaptureSink {
 public:
  RepositorySink(repository::WriteSession& session, Progress& progress, const CancelToken& cancel);

  Result<Content> put_content(ByteReader& reader, Chunking chunking) override;
  Result<ListRef> put_directory(std::vector<Entry> entries) override;
  bool has(const Content& content) override;
  bool has(const ListRef& stored) override;
  void report(Problem problem) override;
  Progress& progress() override { return progress_; }
  const CancelToken& cancel() override { return cancel_; }

  /// What was reported, in order of arrival. Call when the capture is over.
  [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }

 private:
  Result<ListRef> put_list(std::vector<ChunkRef> children);

  repository::WriteSession& session_;
  const repository::Chunker chunker_;
  Progress& progress_;
  const CancelToken& cancel_;
  std::mutex mutex_;
  std::vector<Problem> problems_;  // Guarded by mutex_ while the capture runs.
};

}  // namespace reprieve::backup
