#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/budget_queue.hpp"
#include "source/postgresql/base_backup.hpp"
#include "source/postgresql/manifest.hpp"
#include "source/postgresql/tree_builder.hpp"
#include "source/source.hpp"

/// The two ends of a base backup's pipeline: one thread receives, takes the archives apart and
/// hashes; the other one stores. Between them lies a queue of bounded memory.
namespace reprieve {

/// A piece of an archive: a member's beginning, some of its bytes, its end, or all three.
struct ArchivePiece {
  struct Begin {
    std::optional<std::uint32_t> tablespace;
    TarMember member;
  };
  std::optional<Begin> begin;
  Bytes bytes;
  bool is_end = false;
  crypto::Digest sha256{};  ///< Of the whole file, with its end.
};
using ArchiveQueue = BudgetQueue<ArchivePiece>;

/// The receiving end.
class ArchiveSplitter : public BaseBackupVisitor {
 public:
  explicit ArchiveSplitter(ArchiveQueue& queue) : queue_{queue} {}

  Result<> begin_archive(std::optional<std::uint32_t> tablespace) override;
  Result<> begin(TarMember member) override;
  Result<> data(ByteView bytes) override;
  Result<> end() override;
  Result<> manifest(ByteView bytes) override;

  /// The manifest's bytes, once everything was received.
  [[nodiscard]] const Bytes& manifest_text() const { return manifest_; }

 private:
  Result<> push();

  ArchiveQueue& queue_;
  std::optional<std::uint32_t> tablespace_;
  ArchivePiece piece_;
  crypto::Sha256 hash_;
  Bytes manifest_;
};

/// The storing end.
class ArchiveWriter {
 public:
  /// What became of all archives.
  struct Stored {
    Entry data;                                         ///< PGDATA.
    std::vector<Entry> tablespaces;                     ///< Named by OID.
    std::unordered_map<std::string, FileDigest> files;  ///< By the path that the manifest uses.
  };

  /// `data_mode` is PGDATA's own.
  ArchiveWriter(CaptureSink& sink, std::uint16_t data_mode);

  /// Stores everything until the queue is closed. Errors: the sink's; kCorrupt; kCancelled.
  Result<> run(ArchiveQueue& queue);
  /// Call once, after run() and only if the queue was closed at the end of the backup.
  Result<Stored> finish();

 private:
  class FileReader;
  Result<> store(ArchivePiece piece, ArchiveQueue& queue);
  Result<> store_file(Entry entry, ArchivePiece piece, ArchiveQueue& queue);
  Result<> enter_archive(const std::optional<std::uint32_t>& tablespace, const Owner& owner);
  Result<> leave_archive();

  CaptureSink& sink_;
  const std::uint16_t data_mode_;
  Stored stored_;
  std::optional<TreeBuilder> builder_;
  std::optional<std::uint32_t> tablespace_;
  bool has_data_ = false;
};

}  // namespace reprieve
