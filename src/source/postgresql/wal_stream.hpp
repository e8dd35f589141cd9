#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "source/postgresql/connection.hpp"
#include "source/postgresql/lsn.hpp"
#include "source/postgresql/replication_stream.hpp"
#include "source/source.hpp"

namespace reprieve {

/// Streams WAL from a server into whole segments, each handed over as a stream. The connection must
/// hold a slot that reserves everything from `start` on.
///
/// Threads: run() belongs to one thread; stop_at(), abort() and answer_if_due() may be called from
/// others, so that the server hears from us also while the segments' taker is busy.
class WalStream {
 public:
  struct Options {
    std::string slot;
    std::uint32_t timeline = 0;
    Lsn start;  ///< Rounded down to its segment.
    std::uint64_t segment_size = 0;
    /// Whether to tell the server what is stored, so that it can drop WAL. False keeps us from
    /// being taken for a synchronous standby.
    bool is_confirming = true;
  };

  WalStream(Connection connection, Options options, Clock& clock);

  /// Errors: the server's (kTransient if the WAL is gone already).
  Result<> begin(const CancelToken& cancel);

  /// Stores segment after segment until the position of stop_at() is reached; the rest of the last
  /// one is zeros. Returns their entries, in order.
  /// Errors: the sink's; kCorrupt for a gap; kTransient if the stream breaks, or if the server is
  /// silent for the connection's limit and does not answer when asked meanwhile; kCancelled.
  Result<std::vector<Entry>> run(CaptureSink& sink);

  void stop_at(Lsn end) { stop_.store(end.value); }
  void abort() { is_aborted_.store(true); }
  /// Sends a status update if the last one is ten seconds old.
  void answer_if_due();

 private:
  class SegmentReader;
  Result<> await_data(const CancelToken& cancel);  ///< Or until everything has come.
  Result<bool> receive();                          ///< Waits a moment; whether anything was heard.
  Result<> send_status(bool is_asking);
  [[nodiscard]] bool is_done() const { return position_.value >= stop_.load(); }

  std::optional<Connection> connection_;  ///< Until begin().
  const Options options_;
  Clock& clock_;
  const Duration silence_limit_;
  std::mutex mutex_;  ///< Guards stream_ and stored_.
  std::optional<ReplicationStream> stream_;
  Lsn stored_;                           ///< End of the last segment that was handed over whole.
  Lsn position_;                         ///< Received up to here.
  ReplicationStream::Received message_;  ///< Owns what pending_ points into.
  ByteView pending_;                     ///< Received, not yet read.
  std::atomic<std::uint64_t> stop_{UINT64_MAX};
  std::atomic<bool> is_aborted_{false};
};

}  // namespace reprieve
