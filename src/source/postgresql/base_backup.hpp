#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"
#include "source/postgresql/backup_label.hpp"
#include "source/postgresql/connection.hpp"
#include "source/postgresql/lsn.hpp"
#include "source/postgresql/tar.hpp"

namespace reprieve {

struct BaseBackupRequest {
  std::string label;
  bool is_fast = true;
  std::uint32_t max_rate_kib = 0;
  bool is_verifying_checksums = true;
};

/// The BASE_BACKUP command as a server of this version (13 to 14, or 15 and later) reads it. Pure.
std::string base_backup_command(int version, const BaseBackupRequest& request);

struct BaseBackupStart {
  Lsn start;
  std::uint32_t timeline = 0;
  std::vector<TablespaceLink> tablespaces;
  std::uint64_t size_bytes = 0;  ///< The server's estimate.
};

struct BaseBackupEnd {
  Lsn end;
  bool is_suspect = false;            ///< Page checksums failed; all data came nevertheless.
  std::vector<std::string> warnings;  ///< What the server said meanwhile, at most a thousand.
};

/// Takes what a base backup delivers, in the order in which it comes: the members of each archive,
/// then the manifest. A returned error stops the backup.
class BaseBackupVisitor : public TarVisitor {
 public:
  /// `tablespace` is nothing for the archive of PGDATA itself.
  virtual Result<> begin_archive(std::optional<std::uint32_t> tablespace) = 0;
  virtual Result<> manifest(ByteView bytes) = 0;
};

/// One run of BASE_BACKUP over a replication connection, which must outlive it and must not be used
/// for anything else until receive() returned.
class BaseBackup {
 public:
  /// Waits for the checkpoint, which may take minutes if it is spread.
  /// Errors: the server's; kTransient; kCancelled.
  static Result<BaseBackup> begin(Connection& connection, const BaseBackupRequest& request,
                                  const CancelToken& cancel);

  [[nodiscard]] const BaseBackupStart& start() const { return start_; }

  /// Receives everything. Errors: the visitor's; kCorrupt if the stream is not what a server sends;
  /// the server's; kTransient; kCancelled.
  Result<BaseBackupEnd> receive(BaseBackupVisitor& visitor, const CancelToken& cancel);

  BaseBackup(BaseBackup&&) noexcept;
  ~BaseBackup();

 private:
  struct Notices {
    std::vector<std::string> texts;
  };
  explicit BaseBackup(Connection& connection);
  Result<> read_start(const CancelToken& cancel);
  Result<> receive_separate(BaseBackupVisitor& visitor, const CancelToken& cancel);
  Result<> receive_joined(BaseBackupVisitor& visitor, const CancelToken& cancel);
  /// Why data ended where it should not: what the server says of it, else `seen`.
  Error cut_off(Error seen, const CancelToken& cancel);
  Result<BaseBackupEnd> read_end(const CancelToken& cancel);

  Connection* connection_;
  BaseBackupStart start_;
  std::vector<std::optional<std::uint32_t>> archives_;  ///< In the server's row order.
  std::unique_ptr<Notices> notices_;                    ///< libpq holds a pointer to it.
};

/// Reads one message of the stream of servers 15 and later, and says what it is. Pure.
struct BackupMessage {
  enum class Kind : std::uint8_t { kArchive, kData, kManifest, kProgress };
  Kind kind = Kind::kData;
  ByteView data;                            ///< kData.
  std::optional<std::uint32_t> tablespace;  ///< kArchive.
};
/// Errors: kCorrupt.
Result<BackupMessage> parse_backup_message(ByteView message);

}  // namespace reprieve
