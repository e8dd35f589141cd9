#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "source/postgresql/connection.hpp"
#include "source/postgresql/internal/libpq_wait.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve {

/// One message of a WAL stream. Pure.
struct WalMessage {
  enum class Kind : std::uint8_t { kData, kKeepalive };
  Kind kind = Kind::kData;
  Lsn start;                        ///< kData: where `data` lies.
  ByteView data;                    ///< kData.
  Lsn server_end;                   ///< How far the server's log went when it sent this.
  Instant sent;                     ///< By the server's clock.
  bool is_reply_requested = false;  ///< kKeepalive.
};
/// Errors: kCorrupt.
Result<WalMessage> parse_wal_message(ByteView message);

/// The standby's status update ('r'). `now_us` is in microseconds since 2000-01-01 UTC;
/// `is_asking` makes the server answer at once. Pure.
Bytes encode_status_update(Lsn written, Lsn flushed, std::int64_t now_us, bool is_asking);

/// The write-ahead log as a server sends it to a standby (protocol-replication, "Streaming
/// Replication Protocol"). Waits for nobody: one message at a time. Not thread-safe.
class ReplicationStream {
 public:
  struct Place {
    std::string slot;  ///< Must reserve what lies from `start` on.
    std::uint32_t timeline = 0;
    Lsn start;
  };

  /// Errors: the server's (kTransient if the log is gone there already).
  static Result<ReplicationStream> begin(Connection connection, const Place& place, Clock& clock,
                                         const CancelToken& cancel);

  /// A message with what points into it.
  struct Received {
    CopyMessage memory;
    WalMessage message;
  };
  /// What has come, without waiting; nothing if nothing has, or if the timeline ended:
  /// end_of_timeline() is then set. Data always follows on what came before. Errors: kCorrupt for a
  /// gap or what no server sends; kTransient if the stream broke or the server ended it;
  /// kCancelled.
  Result<std::optional<Received>> take();
  /// Waits until bytes have come. Returns whether they have: consume() then reads them for take().
  /// Errors: kTransient.
  Result<bool> wait(Duration limit) const;
  Result<> consume();

  /// Tells the server what is stored. Errors: kTransient.
  Result<> send_status(Lsn written, Lsn flushed, bool is_asking);
  [[nodiscard]] Duration last_status() const { return last_status_; }

  /// Where the timeline ended and which one follows.
  struct TimelineEnd {
    std::uint32_t next = 0;
    Lsn at;
  };
  [[nodiscard]] const std::optional<TimelineEnd>& end_of_timeline() const { return end_; }

  /// Received up to here.
  [[nodiscard]] Lsn position() const { return position_; }
  [[nodiscard]] Connection& connection() { return connection_; }
  /// Ends the stream; a courtesy to the server.
  void finish();

 private:
  ReplicationStream(Connection connection, Lsn start, Clock& clock, const CancelToken& cancel);
  Result<> read_end();
  Result<> take_end(const PgResult& result);

  Connection connection_;
  Clock* clock_;
  const CancelToken* cancel_;
  Lsn position_;
  Duration last_status_{};
  std::optional<TimelineEnd> end_;
};

}  // namespace reprieve
