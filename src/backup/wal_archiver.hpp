#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "io/lock.hpp"
#include "repository/stream.hpp"
#include "source/postgresql/wal_receiver.hpp"

namespace reprieve::backup {

struct WalArchiverOptions {
  /// The spool: what was received and is not stored yet. One archiver at a time.
  std::string folder;
  /// The longest that durable bytes wait for more before they are stored.
  Duration piece_interval = std::chrono::seconds{1};
};

/// How an archiver stands.
struct WalArchiverStatus {
  std::string system_identifier;  ///< Empty before the server was reached.
  std::uint32_t timeline = 0;
  Lsn server_end;             ///< Of the server's log, when it last said so,
  Instant heard;              ///< by its own clock.
  Lsn durable;                ///< On this disk.
  Lsn stored;                 ///< In the repository.
  std::uint64_t waiting = 0;  ///< Bytes of all timelines that are not in the repository yet.
  std::string problem;        ///< Why the repository takes nothing; empty if all is well.
  std::string doubt;  ///< The latest damage found in the log itself; empty if there was none.
};

/// Takes one cluster's log onto the local disk, and from there into a repository's streams
/// (docs/adr/0019-streams-are-packs-named-by-position.md). The WalTaker's calls belong to one
/// thread, run() to another; the rest may be called from anywhere.
class WalArchiver : public WalTaker {
 public:
  /// Takes up what an earlier one left. Errors: kConflict if another one runs on this folder;
  /// kCorrupt; kDenied if the key may not write; the store's.
  static Result<std::unique_ptr<WalArchiver>> open(const repository::Repository& repository,
                                                   WalArchiverOptions options);
  /// For open().
  WalArchiver(const repository::Repository& repository, WalArchiverOptions options,
              io::FileLock lock, repository::StreamWriter writer);
  WalArchiver(const WalArchiver&) = delete;
  WalArchiver& operator=(const WalArchiver&) = delete;
  ~WalArchiver() override;

  Result<Lsn> begin(const WalOrigin& origin, Lsn kept_from, bool is_anew) override;
  Result<> write(Lsn at, ByteView bytes) override;
  Result<Lsn> sync() override;
  void heard(Lsn server_end, Instant sent) override;

  /// Stores what becomes durable, until finish() was called and all is stored. While the store
  /// fails it tries again, more and more seldom; after finish() no more.
  /// Errors: after finish() only, the store's: what is left is in the folder.
  Result<> run();
  /// No more will come.
  void finish();

  [[nodiscard]] WalArchiverStatus status() const;

 private:
  struct Stream;
  struct Claim;
  Result<> take_up();
  Result<std::shared_ptr<Stream>> open_stream(const std::string& name);
  Result<std::shared_ptr<Stream>> make_stream(const WalOrigin& origin);
  Result<std::string> own_folder(const std::string& name);
  static Result<> account_again(Stream& stream);
  std::unique_ptr<Claim> claim();
  Result<> store(Claim& claim);
  Result<> store_piece(Claim& claim);
  Result<> store_window(const Claim& claim);
  void settle(const Claim& claim);
  void drop_finished();
  [[nodiscard]] Result<> remove_folder(const Stream& stream) const;

  const repository::Repository& repository_;
  const WalArchiverOptions options_;
  io::FileLock lock_;
  // run()'s thread's.
  repository::StreamWriter writer_;
  std::unique_ptr<Claim> pending_;  ///< Not stored yet.

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_, as is most of each stream.
  std::vector<std::shared_ptr<Stream>> streams_;  ///< Oldest first.
  std::shared_ptr<Stream> current_;
  WalArchiverStatus status_;
  bool is_finishing_ = false;
};

}  // namespace reprieve::backup
