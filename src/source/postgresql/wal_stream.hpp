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
#include "source/postgresql/internal/libpq_wait.hpp"
#include "source/postgresql/lsn.hpp"
#include "source/source.hpp"

namespace reprieve {

/// One message of a WAL stream. Pure.
struct WalMessage {
  enum class Kind : std::uint8_t { kData, kKeepalive };
  Kind kind = Kind::kData;
  Lsn start;                        ///< kData: where `data` lies.
  ByteView data;                    ///< kData.
  bool is_reply_requested = false;  ///< kKeepalive.
};
/// Errors: kCorrupt.
Result<WalMessage> parse_wal_message(ByteView message);

/// The standby's status update ('r'). `now_us` is in microseconds since 2000-01-01 UTC;
/// `is_asking` makes the server answer at once. Pure.
Bytes encode_status_update(Lsn written, Lsn flushed, std::int64_t now_us, bool is_asking);

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
  Result<> take(CopyMessage message);
  Result<> stream_ended();
  Result<> send_status(bool is_asking);
  [[nodiscard]] bool is_done() const { return position_.value >= stop_.load(); }

  Connection connection_;
  const Options options_;
  Clock& clock_;
  std::mutex mutex_;  ///< Guards connection_, last_status_ and stored_.
  Duration last_status_{};
  Lsn stored_;           ///< End of the last segment that was handed over whole.
  Lsn position_;         ///< Received up to here.
  CopyMessage message_;  ///< Owns what pending_ points into.
  ByteView pending_;     ///< Received, not yet read.
  std::atomic<std::uint64_t> stop_{UINT64_MAX};
  std::atomic<bool> is_aborted_{false};
};

}  // namespace reprieve
