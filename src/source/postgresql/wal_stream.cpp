#include "source/postgresql/wal_stream.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace reprieve {
namespace {

/// Well inside wal_sender_timeout, which is a minute.
constexpr Duration kStatusInterval = std::chrono::seconds{10};
constexpr Duration kSlice = std::chrono::milliseconds{200};

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt, "write-ahead log: " + std::move(what)};
}

}  // namespace

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
    : connection_{std::move(connection)},
      options_{std::move(options)},
      clock_{clock},
      silence_limit_{connection_->silence_limit()} {
  position_ =
      segment_start(segment_of(options_.start, options_.segment_size), options_.segment_size);
}

Result<> WalStream::begin(const CancelToken& cancel) {
  const std::lock_guard lock{mutex_};
  const ReplicationStream::Place place{options_.slot, options_.timeline, position_};
  Connection connection = *std::exchange(connection_, std::nullopt);
  auto stream = ReplicationStream::begin(std::move(connection), place, clock_, cancel);
  if (!stream) return std::move(stream).error();
  stream_.emplace(*std::move(stream));
  return kOk;
}

Result<> WalStream::send_status(bool is_asking) {
  const Lsn confirmed = options_.is_confirming ? stored_ : Lsn{};
  return stream_->send_status(confirmed, confirmed, is_asking);
}

void WalStream::answer_if_due() {
  const std::lock_guard lock{mutex_};
  if (clock_.uptime() - stream_->last_status() < kStatusInterval) return;
  ignore_error(send_status(false), "run() meets the same broken connection and reports it");
}

Result<bool> WalStream::receive() {
  {
    const std::lock_guard lock{mutex_};
    REPRIEVE_TRY(auto received, stream_->take());
    if (stream_->end_of_timeline())
      return Error{ErrorKind::kTransient, "the server's timeline ended during the backup",
                   "A standby was promoted: run it again."};
    if (received && received->message.kind == WalMessage::Kind::kData) {
      message_ = *std::move(received);
      pending_ = message_.message.data;
      position_ = stream_->position();
      return true;
    }
    if (received) {
      if (received->message.is_reply_requested) REPRIEVE_RETURN_IF_ERROR(send_status(false));
      return true;
    }
  }
  // Without the lock, so that others may answer meanwhile; only bytes that came are taken under it.
  REPRIEVE_TRY(const bool is_ready, stream_->wait(kSlice));
  if (!is_ready) return false;
  const std::lock_guard lock{mutex_};
  REPRIEVE_RETURN_IF_ERROR(stream_->consume());
  return true;
}

Result<> WalStream::await_data(const CancelToken& cancel) {
  const Duration limit = silence_limit_;
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
      return stream_->connection().silence("receiving the write-ahead log", limit);
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
  stream_->finish();
  return segments;
}

}  // namespace reprieve
