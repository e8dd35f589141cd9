#include "source/postgresql/wal_receiver.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "source/postgresql/facts.hpp"
#include "source/postgresql/replication_stream.hpp"

namespace reprieve {
namespace {

/// Well inside wal_sender_timeout, which is a minute.
constexpr Duration kStatusInterval = std::chrono::seconds{10};
constexpr Duration kSlice = std::chrono::milliseconds{200};
/// What comes without a pause is made durable at least so often.
constexpr std::uint64_t kUnsyncedMax = 4 * 1024 * 1024;
constexpr std::size_t kHistoryBytesMax = 1024 * 1024;

Error unexpected(const Connection& connection, std::string_view command) {
  return Error{ErrorKind::kCorrupt,
               connection.name() + ": no server answers " + std::string{command} + " like that"};
}

/// How far the server's log is on its disk.
Result<Lsn> flushed_position(Connection& connection) {
  REPRIEVE_TRY(const auto rows, connection.query("IDENTIFY_SYSTEM", 1));
  const bool has_position = rows.size() == 1 && rows[0].size() >= 3 && rows[0][2];
  const auto at = has_position ? parse_lsn(*rows[0][2]) : std::nullopt;
  if (!at) return unexpected(connection, "IDENTIFY_SYSTEM");
  return *at;
}

Result<std::string> read_history(Connection& connection, std::uint32_t timeline) {
  if (timeline == 1) return std::string{};
  REPRIEVE_TRY(const auto rows,
               connection.query("TIMELINE_HISTORY " + std::to_string(timeline), 1));
  if (rows.size() != 1 || rows[0].size() != 2 || !rows[0][1] ||
      rows[0][1]->size() > kHistoryBytesMax)
    return unexpected(connection, "TIMELINE_HISTORY");
  return *rows[0][1];
}

/// From where on the slot keeps the log. Nothing if there is no such slot, or one that keeps
/// nothing.
Result<std::optional<Lsn>> find_slot(Connection& connection, const std::string& slot) {
  if (connection.version() < 150000) return std::optional<Lsn>{};
  REPRIEVE_TRY(const auto rows, connection.query("READ_REPLICATION_SLOT \"" + slot + "\"", 1));
  if (rows.size() != 1 || rows[0].size() != 3 || !rows[0][0] || !rows[0][1])
    return std::optional<Lsn>{};
  if (*rows[0][0] != "physical")
    return Error{ErrorKind::kConflict,
                 connection.name() + ": the slot " + slot + " is one for logical decoding",
                 "Name another slot with --slot."};
  const auto from = parse_lsn(*rows[0][1]);
  if (!from) return unexpected(connection, "READ_REPLICATION_SLOT");
  return from;
}

Result<> make_slot(Connection& connection, const std::string& slot) {
  const auto made =
      connection.query("CREATE_REPLICATION_SLOT \"" + slot + "\" PHYSICAL RESERVE_WAL", 1);
  if (made || made.error().kind == ErrorKind::kConflict) return kOk;  // It is there.
  return made.error();
}

Result<> check_slot_name(const std::string& slot) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (slot.empty() || slot.size() > 63 || !std::ranges::all_of(slot, is_allowed))
    return Error{ErrorKind::kInvalid, "a slot's name has 1 to 63 of a-z, 0-9 and _"};
  return kOk;
}

/// One timeline's stream, until it ends or breaks.
class Reception {
 public:
  Reception(ReplicationStream& stream, WalTaker& taker, Clock& clock, const CancelToken& cancel)
      : stream_{stream}, taker_{taker}, clock_{clock}, cancel_{cancel} {}

  /// Until the timeline ends. Errors: as receive_wal().
  Result<> run() {
    auto ended = stream();
    // However it ended, what has come counts: the server may be gone for good.
    auto synced = make_durable();
    return ended ? synced : ended;
  }

 private:
  Result<> stream() {
    written_ = durable_ = stream_.position();
    Duration heard = clock_.uptime();
    const Duration limit = stream_.connection().silence_limit();
    bool has_asked = false;
    while (!stream_.end_of_timeline()) {
      auto stopped = cancel_.check();
      REPRIEVE_RETURN_IF_ERROR(drain());
      if (!stopped) return stopped;
      if (stream_.end_of_timeline()) break;
      REPRIEVE_RETURN_IF_ERROR(report_if_due());
      REPRIEVE_TRY(const bool has_bytes, stream_.wait(kSlice));
      if (has_bytes) {
        REPRIEVE_RETURN_IF_ERROR(stream_.consume());
        heard = clock_.uptime();
        has_asked = false;
        continue;
      }
      const Duration silent = clock_.uptime() - heard;
      if (silent > limit) return stream_.connection().silence("receiving the log", limit);
      if (silent > limit / 2 && !has_asked) {
        REPRIEVE_RETURN_IF_ERROR(report(true));
        has_asked = true;
      }
    }
    return kOk;
  }

  /// All that has come already, and is coming while it is taken; then it is made durable at once.
  Result<> drain() {
    while (written_.value - durable_.value < kUnsyncedMax) {
      REPRIEVE_TRY(const auto received, stream_.take());
      if (!received) {
        if (stream_.end_of_timeline()) break;
        REPRIEVE_TRY(const bool has_more, stream_.wait(Duration{0}));
        if (!has_more) break;
        REPRIEVE_RETURN_IF_ERROR(stream_.consume());
        continue;
      }
      const WalMessage& message = received->message;
      taker_.heard(message.server_end, message.sent);
      if (message.kind == WalMessage::Kind::kKeepalive) {
        is_reply_due_ = is_reply_due_ || message.is_reply_requested;
        continue;
      }
      REPRIEVE_RETURN_IF_ERROR(taker_.write(message.start, message.data));
      written_ = stream_.position();
    }
    return make_durable();
  }
  Result<> make_durable() {
    if (written_ == durable_) return kOk;
    REPRIEVE_TRY(const Lsn held, taker_.sync());
    durable_ = std::min(held, written_);
    is_reply_due_ = true;
    return kOk;
  }
  Result<> report_if_due() {
    if (!is_reply_due_ && clock_.uptime() - stream_.last_status() < kStatusInterval) return kOk;
    return report(false);
  }
  Result<> report(bool is_asking) {
    is_reply_due_ = false;
    return stream_.send_status(written_, durable_, is_asking);
  }

  ReplicationStream& stream_;
  WalTaker& taker_;
  Clock& clock_;
  const CancelToken& cancel_;
  Lsn written_;
  Lsn durable_;
  bool is_reply_due_ = false;
};

}  // namespace

Result<> receive_wal(const WalReceiverOptions& options, WalTaker& taker, Clock& clock,
                     const CancelToken& cancel) {
  REPRIEVE_RETURN_IF_ERROR(check_slot_name(options.slot));
  REPRIEVE_TRY(Connection connection,
               Connection::open(options.address, Connection::Mode::kReplication, clock, cancel));
  REPRIEVE_TRY(const Lsn flushed, flushed_position(connection));
  REPRIEVE_TRY(const ClusterFacts facts, read_server_facts(connection));
  REPRIEVE_TRY(auto slot, find_slot(connection, options.slot));
  if (!slot) {
    REPRIEVE_RETURN_IF_ERROR(make_slot(connection, options.slot));
    REPRIEVE_TRY(slot, find_slot(connection, options.slot));
  }
  // Servers before 15 do not tell where a slot stands; what they flushed is there.
  if (!slot) slot = flushed;
  const auto page_size = parse_size_setting(connection.show("wal_block_size").value_or("8192"));
  WalOrigin origin{.source = options.source,
                   .system_identifier = facts.system_identifier,
                   .timeline = facts.timeline,
                   .segment_size = facts.wal_segment_size,
                   .page_size = static_cast<std::uint32_t>(page_size.value_or(8192)),
                   .server_version_num = connection.version(),
                   .history = {}};
  bool is_anew = options.is_anew;
  if (is_anew) slot = flushed;
  while (true) {
    REPRIEVE_TRY(origin.history, read_history(connection, origin.timeline));
    REPRIEVE_TRY(const Lsn start, taker.begin(origin, *slot, std::exchange(is_anew, false)));
    REPRIEVE_TRY(ReplicationStream stream,
                 ReplicationStream::begin(std::move(connection),
                                          {options.slot, origin.timeline, start}, clock, cancel));
    Reception reception{stream, taker, clock, cancel};
    REPRIEVE_RETURN_IF_ERROR(reception.run());
    origin.timeline = stream.end_of_timeline()->next;
    slot = stream.end_of_timeline()->at;
    connection = std::move(stream.connection());
  }
}

}  // namespace reprieve
