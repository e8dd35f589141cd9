#include "source/postgresql/replication_stream.hpp"

#include <charconv>
#include <chrono>

#include "source/postgresql/postgres_time.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kDataHeader = 1 + 8 + 8 + 8;
constexpr std::size_t kKeepaliveSize = 1 + 8 + 8 + 1;
/// Far above the 128 KiB that a server sends at once.
constexpr std::size_t kDataMax = 16 * 1024 * 1024;

std::uint64_t big_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (const std::byte b : bytes.first(8))
    value = (value << 8) | std::to_integer<unsigned>(b);
  return value;
}

void append_big_endian(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::byte>((value >> shift) & 0xFF));
}

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt, "write-ahead log: " + std::move(what)};
}

}  // namespace

Result<WalMessage> parse_wal_message(ByteView message) {
  WalMessage parsed;
  const char type = message.empty() ? '\0' : static_cast<char>(message[0]);
  if (type == 'w' && message.size() > kDataHeader && message.size() <= kDataHeader + kDataMax) {
    parsed.start = Lsn{big_endian(message.subspan(1))};
    parsed.server_end = Lsn{big_endian(message.subspan(9))};
    parsed.sent = instant_of_postgres(static_cast<std::int64_t>(big_endian(message.subspan(17))));
    parsed.data = message.subspan(kDataHeader);
    return parsed;
  }
  if (type == 'k' && message.size() == kKeepaliveSize) {
    parsed.kind = WalMessage::Kind::kKeepalive;
    parsed.server_end = Lsn{big_endian(message.subspan(1))};
    parsed.sent = instant_of_postgres(static_cast<std::int64_t>(big_endian(message.subspan(9))));
    parsed.is_reply_requested = message[kKeepaliveSize - 1] != std::byte{0};
    return parsed;
  }
  return corrupt("a message that no server sends");
}

Bytes encode_status_update(Lsn written, Lsn flushed, std::int64_t now_us, bool is_asking) {
  Bytes out;
  out.push_back(std::byte{'r'});
  append_big_endian(out, written.value);
  append_big_endian(out, flushed.value);
  append_big_endian(out, 0);  // Nothing is replayed here.
  append_big_endian(out, static_cast<std::uint64_t>(now_us));
  out.push_back(is_asking ? std::byte{1} : std::byte{0});
  return out;
}

ReplicationStream::ReplicationStream(Connection connection, Lsn start, Clock& clock,
                                     const CancelToken& cancel)
    : connection_{std::move(connection)},
      clock_{&clock},
      cancel_{&cancel},
      position_{start},
      last_status_{clock.uptime()} {}

Result<ReplicationStream> ReplicationStream::begin(Connection connection, const Place& place,
                                                   Clock& clock, const CancelToken& cancel) {
  ReplicationStream stream{std::move(connection), place.start, clock, cancel};
  const std::string command = "START_REPLICATION SLOT \"" + place.slot + "\" PHYSICAL " +
                              format_lsn(place.start) + " TIMELINE " +
                              std::to_string(place.timeline);
  if (PQsendQuery(stream.connection_.handle(), command.c_str()) == 0)
    return stream.connection_.failure("START_REPLICATION");
  REPRIEVE_TRY(const PgResult result,
               next_result(stream.connection_, cancel, stream.connection_.silence_limit()));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_TUPLES_OK) {  // The timeline ends exactly here: there is nothing to copy.
    REPRIEVE_RETURN_IF_ERROR(stream.take_end(result));
  } else if (status != PGRES_COPY_BOTH) {
    return error_of(result, stream.connection_, "START_REPLICATION");
  }
  return stream;
}

Result<std::optional<ReplicationStream::Received>> ReplicationStream::take() {
  if (end_) return std::optional<Received>{};
  char* memory = nullptr;
  const int length = PQgetCopyData(connection_.handle(), &memory, 1);
  if (length == 0) return std::optional<Received>{};
  if (length == -1) {
    REPRIEVE_RETURN_IF_ERROR(read_end());
    return std::optional<Received>{};
  }
  if (length < 0) return connection_.failure("receiving the write-ahead log");
  Received received{
      CopyMessage{std::unique_ptr<char, PgMemoryCloser>{memory}, static_cast<std::size_t>(length)},
      {}};
  REPRIEVE_TRY(received.message, parse_wal_message(received.memory.bytes()));
  const WalMessage& message = received.message;
  if (message.kind == WalMessage::Kind::kKeepalive) return std::optional{std::move(received)};
  if (message.start != position_)
    return corrupt("expected " + format_lsn(position_) + " but received " +
                   format_lsn(message.start));
  if (message.data.size() > UINT64_MAX - position_.value) return corrupt("a position out of range");
  position_.value += message.data.size();
  return std::optional{std::move(received)};
}

Result<bool> ReplicationStream::wait(Duration limit) const {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  return wait_readable(connection_, static_cast<int>(ms));
}

Result<> ReplicationStream::consume() {
  if (PQconsumeInput(connection_.handle()) == 0)
    return connection_.failure("receiving the write-ahead log");
  return kOk;
}

Result<> ReplicationStream::send_status(Lsn written, Lsn flushed, bool is_asking) {
  const Bytes update =
      encode_status_update(written, flushed, postgres_time_of(clock_->now()), is_asking);
  last_status_ = clock_->uptime();
  if (PQputCopyData(connection_.handle(), as_text(update).data(),
                    static_cast<int>(update.size())) <= 0 ||
      PQflush(connection_.handle()) < 0)
    return connection_.failure("reporting progress");
  return kOk;
}

/// The server ends a timeline's COPY; we end ours, and it says which timeline follows.
Result<> ReplicationStream::read_end() {
  const auto next = [&] { return next_result(connection_, *cancel_, connection_.silence_limit()); };
  REPRIEVE_TRY(PgResult result, next());
  if (result && PQresultStatus(result.get()) == PGRES_COPY_IN) {
    if (PQputCopyEnd(connection_.handle(), nullptr) != 1 || PQflush(connection_.handle()) < 0)
      return connection_.failure("ending the stream");
    REPRIEVE_TRY(result, next());
  }
  if (result && PQresultStatus(result.get()) == PGRES_TUPLES_OK) return take_end(result);
  if (result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR)
    return error_of(result, connection_, "receiving the write-ahead log");
  return Error{ErrorKind::kTransient,
               connection_.name() + ": the server ended the write-ahead log's stream",
               "It stops, or a standby was promoted: run it again when it is up."};
}

Result<> ReplicationStream::take_end(const PgResult& result) {
  if (PQntuples(result.get()) != 1 || PQnfields(result.get()) < 2)
    return corrupt("the end of a timeline that no server tells so");
  const std::string_view number = PQgetvalue(result.get(), 0, 0);
  const auto at = parse_lsn(PQgetvalue(result.get(), 0, 1));
  TimelineEnd end;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), end.next);
  if (parsed.ec != std::errc{} || parsed.ptr != number.data() + number.size() || !at)
    return corrupt("the end of a timeline that no server tells so");
  end.at = *at;
  end_ = end;
  while (true) {  // So that the connection takes the next command.
    REPRIEVE_TRY(const PgResult rest,
                 next_result(connection_, *cancel_, connection_.silence_limit()));
    if (!rest) return kOk;
  }
}

void ReplicationStream::finish() {
  if (!end_ && PQputCopyEnd(connection_.handle(), nullptr) == 1)
    static_cast<void>(PQflush(connection_.handle()));
}

}  // namespace reprieve
