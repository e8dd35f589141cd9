#include "source/postgresql/wal_stream.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace reprieve {
namespace {

constexpr std::size_t kDataHeader = 1 + 8 + 8 + 8;
constexpr std::size_t kKeepaliveSize = 1 + 8 + 8 + 1;
/// Far above the 128 KiB that a server sends at once.
constexpr std::size_t kDataMax = 16 * 1024 * 1024;
/// Well inside wal_sender_timeout, which is a minute.
constexpr Duration kStatusInterval = std::chrono::seconds{10};
/// 2000-01-01 in seconds since 1970: the server's times count from there.
constexpr std::int64_t kPostgresEpoch = 946'684'800;
constexpr int kSliceMs = 200;

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
    parsed.data = message.subspan(kDataHeader);
    return parsed;
  }
  if (type == 'k' && message.size() == kKeepaliveSize) {
    parsed.kind = WalMessage::Kind::kKeepalive;
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

/// The bytes of one segment, as they come in.
class WalStream::SegmentReader : public ByteReader {
 public:
  SegmentReader(WalStream& stream, std::uint64_t segment, CaptureSink& sink)
      : stream_{stream}, segment_{segment}, sink_{sink} {}

  Result<std::size_t> read(MutableByteView out) override {
    const std::uint64_t size = stream_.options_.segment_size;
    const Lsn end = segment_start(segment_ + 1, size);
    const std::uint64_t left = size - given_;
    out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left)));
    if (out.empty()) return std::size_t{0};
    REPRIEVE_RETURN_IF_ERROR(stream_.await_data(sink_.cancel()));
    // A message may reach into the next segment; its rest waits for the next reader.
    const std::uint64_t pending_start = stream_.position_.value - stream_.pending_.size();
    const std::size_t taken =
        std::min({out.size(), stream_.pending_.size(),
                  static_cast<std::size_t>(end.value - std::min(end.value, pending_start))});
    if (taken == 0) {  // Everything asked for has come: the server would find zeros here as well.
      std::memset(out.data(), 0, out.size());
      given_ += out.size();
      return out.size();
    }
    std::memcpy(out.data(), stream_.pending_.data(), taken);
    stream_.pending_ = stream_.pending_.subspan(taken);
    given_ += taken;
    sink_.progress().bytes += taken;
    return taken;
  }

 private:
  WalStream& stream_;
  const std::uint64_t segment_;
  CaptureSink& sink_;
  std::uint64_t given_ = 0;
};

WalStream::WalStream(Connection connection, Options options, Clock& clock)
    : connection_{std::move(connection)}, options_{std::move(options)}, clock_{clock} {
  position_ =
      segment_start(segment_of(options_.start, options_.segment_size), options_.segment_size);
}

Result<> WalStream::begin(const CancelToken& cancel) {
  const std::lock_guard lock{mutex_};
  const std::string command = "START_REPLICATION SLOT \"" + options_.slot + "\" PHYSICAL " +
                              format_lsn(position_) + " TIMELINE " +
                              std::to_string(options_.timeline);
  if (PQsendQuery(connection_.handle(), command.c_str()) == 0)
    return connection_.failure("START_REPLICATION");
  REPRIEVE_TRY(const PgResult result,
               next_result(connection_, cancel, connection_.silence_limit()));
  if (PQresultStatus(result.get()) != PGRES_COPY_BOTH)
    return error_of(result, connection_, "START_REPLICATION");
  last_status_ = clock_.uptime();
  return kOk;
}

Result<> WalStream::send_status(bool is_asking) {
  const std::int64_t now_us = clock_.now().nanoseconds / 1000 - kPostgresEpoch * 1'000'000;
  const Lsn confirmed = options_.is_confirming ? stored_ : Lsn{};
  const Bytes update = encode_status_update(confirmed, confirmed, now_us, is_asking);
  last_status_ = clock_.uptime();
  if (PQputCopyData(connection_.handle(), as_text(update).data(),
                    static_cast<int>(update.size())) <= 0 ||
      PQflush(connection_.handle()) < 0)
    return connection_.failure("reporting progress");
  return kOk;
}

void WalStream::answer_if_due() {
  const std::lock_guard lock{mutex_};
  if (clock_.uptime() - last_status_ < kStatusInterval) return;
  ignore_error(send_status(false), "run() meets the same broken connection and reports it");
}

Result<> WalStream::take(CopyMessage message) {
  REPRIEVE_TRY(const WalMessage parsed, parse_wal_message(message.bytes()));
  if (parsed.kind == WalMessage::Kind::kKeepalive)
    return parsed.is_reply_requested ? send_status(false) : Result<>{kOk};
  if (parsed.start != position_)
    return corrupt("expected " + format_lsn(position_) + " but received " +
                   format_lsn(parsed.start));
  if (parsed.data.size() > UINT64_MAX - position_.value) return corrupt("a position out of range");
  message_ = std::move(message);  // Its memory stays where it is, and `parsed` points into it.
  pending_ = parsed.data;
  position_.value += parsed.data.size();
  return kOk;
}

Result<> WalStream::stream_ended() {
  const PgResult result{PQgetResult(connection_.handle())};
  if (result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR)
    return error_of(result, connection_, "receiving the write-ahead log");
  return Error{ErrorKind::kTransient,
               connection_.name() + ": the server ended the write-ahead log's stream",
               "A standby was promoted, or the server stops: run it again when it is up."};
}

Result<bool> WalStream::receive() {
  {
    const std::lock_guard lock{mutex_};
    char* memory = nullptr;
    const int length = PQgetCopyData(connection_.handle(), &memory, 1);
    if (length > 0) {
      REPRIEVE_RETURN_IF_ERROR(take(CopyMessage{std::unique_ptr<char, PgMemoryCloser>{memory},
                                                static_cast<std::size_t>(length)}));
      return true;
    }
    if (length == -1) return stream_ended().error();
    if (length < 0) return connection_.failure("receiving the write-ahead log");
  }
  REPRIEVE_TRY(const bool is_ready, wait_readable(connection_, kSliceMs));
  if (!is_ready) return false;
  const std::lock_guard lock{mutex_};
  if (PQconsumeInput(connection_.handle()) == 0)
    return connection_.failure("receiving the write-ahead log");
  return true;
}

Result<> WalStream::await_data(const CancelToken& cancel) {
  const Duration limit = connection_.silence_limit();
  Duration heard = clock_.uptime();
  bool has_asked = false;  // A server without WAL to send need not say anything by itself.
  while (pending_.empty() && !is_done()) {
    if (is_aborted_.load()) return Error{ErrorKind::kCancelled, "the backup was given up"};
    REPRIEVE_RETURN_IF_ERROR(cancel.check());
    REPRIEVE_TRY(const bool has_heard, receive());
    const Duration silent = has_heard ? Duration{0} : clock_.uptime() - heard;
    if (has_heard) {
      heard = clock_.uptime();
      has_asked = false;
    } else if (silent > limit) {
      return connection_.silence("receiving the write-ahead log", limit);
    } else if (silent > limit / 2 && !has_asked) {
      const std::lock_guard lock{mutex_};
      REPRIEVE_RETURN_IF_ERROR(send_status(true));
      has_asked = true;
    }
  }
  return kOk;
}

Result<std::vector<Entry>> WalStream::run(CaptureSink& sink) {
  std::vector<Entry> segments;
  std::uint64_t segment = segment_of(options_.start, options_.segment_size);
  const FileTime now{clock_.now().nanoseconds / 1'000'000'000, 0};
  // One byte past the end is not needed, so an end on a boundary asks for no further segment.
  while (segment_start(segment, options_.segment_size).value < stop_.load()) {
    // Whether there will be another segment is known when a byte of it comes.
    REPRIEVE_RETURN_IF_ERROR(await_data(sink.cancel()));
    if (segment_start(segment, options_.segment_size).value >= stop_.load()) break;
    SegmentReader reader{*this, segment, sink};
    Entry entry;
    REPRIEVE_TRY(entry.content, sink.put_content(reader, Chunking::kPages));
    if (entry.content.size != options_.segment_size) return corrupt("a segment is cut off");
    entry.name = format_segment_name({options_.timeline, segment}, options_.segment_size);
    entry.mode = 0600;
    entry.modified = now;
    segments.push_back(std::move(entry));
    sink.progress().files += 1;
    ++segment;
    const std::lock_guard lock{mutex_};
    stored_ = segment_start(segment, options_.segment_size);
    REPRIEVE_RETURN_IF_ERROR(send_status(false));
  }
  const std::lock_guard lock{mutex_};
  if (PQputCopyEnd(connection_.handle(), nullptr) == 1)
    static_cast<void>(PQflush(connection_.handle()));  // A courtesy: everything is here already.
  return segments;
}

}  // namespace reprieve
