#include "backup/wal_archiver.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "source/postgresql/wal_map.hpp"
#include "source/postgresql/wal_scanner.hpp"
#include "source/postgresql/wal_spool.hpp"

namespace reprieve::backup {
namespace {

using repository::StreamId;
using repository::StreamPiece;

constexpr std::string_view kOriginFile = "origin.json";
constexpr std::size_t kOriginBytesMax = 2 * 1024 * 1024;
/// More pieces than these of a window are put once more as one.
constexpr std::size_t kPiecesMax = 16;
constexpr Duration kFirstWait = std::chrono::seconds{1};
constexpr Duration kLongestWait = std::chrono::seconds{30};

std::string folder_name(std::uint32_t timeline, const StreamId& id) {
  return fmt::format("{:08x}-{}", timeline, to_hex(id));
}

std::optional<StreamId> id_in_folder_name(std::string_view name) {
  constexpr std::size_t kTimelineDigits = 8;
  if (name.size() != kTimelineDigits + 1 + 2 * sizeof(StreamId)) return std::nullopt;
  const auto bytes = from_hex(name.substr(kTimelineDigits + 1));
  if (!bytes || name[kTimelineDigits] != '-') return std::nullopt;
  StreamId id{};
  std::ranges::copy(*bytes, id.begin());
  return id;
}

/// What commits and restore points a stretch of the log has.
struct Account {
  std::uint64_t commits = 0;
  std::optional<Instant> first_commit;
  std::optional<Instant> last_commit;
  std::vector<RestorePoint> restore_points;
  bool is_proved = true;

  void add(const WalEvent& event) {
    if (event.kind == WalEvent::Kind::kRestorePoint) {
      restore_points.push_back({event.name, event.end, event.time});
    } else if (event.kind == WalEvent::Kind::kCommit) {
      ++commits;
      first_commit = first_commit ? std::min(*first_commit, event.time) : event.time;
      last_commit = last_commit ? std::max(*last_commit, event.time) : event.time;
    }
  }
};

}  // namespace

/// One timeline's log on its way. What the archiving thread alone uses is marked so.
struct WalArchiver::Stream {
  Stream(StreamId stream, WalOrigin from, std::string where, WalSpool held)
      : id{stream}, origin{std::move(from)}, folder{std::move(where)}, spool{std::move(held)} {}

  const StreamId id;
  const WalOrigin origin;
  const std::string folder;
  WalSpool spool;
  Lsn written;
  Lsn durable;
  Lsn claimed;  ///< What lies before is stored, or may be: it must not change.
  Lsn stored;
  std::optional<Duration> waiting_since;  ///< Uptime; since when durable bytes wait.

  // The archiving thread's.
  std::optional<WalScanner> scanner;
  Lsn scanned;
  Account piece;
  Account window;
  std::size_t pieces = 0;  ///< Of the window.
  std::string doubt;

  /// Whole segments, but at most as long as a piece may be.
  [[nodiscard]] std::uint64_t window_size() const {
    return std::min(origin.segment_size, repository::kStreamPieceMax);
  }
  [[nodiscard]] bool is_all_stored() const { return stored >= durable; }

  void scan_from(Lsn start) {
    scanned = start;
    scanner.emplace(start, origin.segment_size, origin.page_size, [this](const WalEvent& event) {
      piece.add(event);
      window.add(event);
    });
  }
  /// Bytes in order. After damage, records are looked for again from the next segment on.
  void scan(ByteView bytes) {
    while (!bytes.empty()) {
      const Lsn next =
          segment_start(segment_of(scanned, origin.segment_size) + 1, origin.segment_size);
      const auto part = bytes.first(static_cast<std::size_t>(
          std::min<std::uint64_t>(bytes.size(), next.value - scanned.value)));
      if (scanner) {
        if (auto fed = scanner->feed(part); !fed) {
          doubt = fed.error().what;
          scanner.reset();
        }
      }
      if (!scanner) piece.is_proved = window.is_proved = false;
      scanned = Lsn{scanned.value + part.size()};
      if (!scanner && scanned == next) scan_from(next);
      bytes = bytes.subspan(part.size());
    }
  }
};

/// A stretch that the archiving thread stores.
struct WalArchiver::Claim {
  std::shared_ptr<Stream> stream;
  LsnRange range;
  Lsn server_end;
  Instant heard;
};

namespace {

std::string header_of(const WalOrigin& origin, const Account& account, Lsn server_end,
                      Instant heard) {
  WalHeader header;
  header.origin = origin;
  header.heard = heard;
  header.server_end = server_end;
  header.commits = account.commits;
  header.first_commit = account.first_commit;
  header.last_commit = account.last_commit;
  header.restore_points = account.restore_points;
  header.is_proved = account.is_proved;
  return encode_wal_header(header);
}

}  // namespace

WalArchiver::WalArchiver(const repository::Repository& repository, WalArchiverOptions options,
                         io::FileLock lock, repository::StreamWriter writer)
    : repository_{repository},
      options_{std::move(options)},
      lock_{std::move(lock)},
      writer_{std::move(writer)} {}

WalArchiver::~WalArchiver() = default;

Result<std::unique_ptr<WalArchiver>> WalArchiver::open(const repository::Repository& repository,
                                                       WalArchiverOptions options) {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(options.folder));
  REPRIEVE_TRY(io::FileLock lock, io::FileLock::try_take(options.folder + "/lock", "wal receive"));
  REPRIEVE_TRY(auto writer, repository::StreamWriter::begin(repository));
  auto archiver = std::make_unique<WalArchiver>(repository, std::move(options), std::move(lock),
                                                std::move(writer));
  REPRIEVE_RETURN_IF_ERROR(archiver->take_up());
  return archiver;
}

Result<> WalArchiver::take_up() {
  REPRIEVE_TRY(const auto names, io::list_dir(options_.folder));
  for (const std::string& name : names) {
    if (!id_in_folder_name(name)) continue;
    // Without its origin nothing was received into it yet.
    if (!io::exists(options_.folder + "/" + name + "/" + std::string{kOriginFile})) continue;
    REPRIEVE_TRY(auto stream, open_stream(name));
    streams_.push_back(std::move(stream));
  }
  return kOk;
}

Result<std::shared_ptr<WalArchiver::Stream>> WalArchiver::open_stream(const std::string& name) {
  const std::string folder = options_.folder + "/" + name;
  REPRIEVE_TRY(const std::string text,
               io::read_text_file(folder + "/" + std::string{kOriginFile}, {kOriginBytesMax}));
  REPRIEVE_TRY(WalHeader header, parse_wal_header(text));
  const WalOrigin& origin = header.origin;
  REPRIEVE_TRY(WalSpool spool, WalSpool::open(folder, {origin.timeline, origin.segment_size}));
  const StreamId id = *id_in_folder_name(name);
  auto stream = std::make_shared<Stream>(id, header.origin, folder, std::move(spool));

  REPRIEVE_TRY(const auto pieces, repository::StreamReader{repository_}.list(id));
  for (const StreamPiece& piece : pieces) {
    if (stream->stored.value != 0 && piece.range.from > stream->stored.value) break;
    stream->stored = std::max(stream->stored, Lsn{piece.range.to});
  }
  if (const auto& held = stream->spool.held()) {
    stream->durable = held->to;
    stream->stored = std::max(stream->stored, held->from);
  }
  stream->written = stream->durable;
  stream->claimed = stream->stored;
  // What is stored already is read again from its segment's start, so that the scanner knows where
  // it is, if it is still held.
  const Lsn start = segment_floor(stream->stored, origin.segment_size);
  if (const auto& held = stream->spool.held(); held && held->from <= start) {
    stream->scan_from(start);
    const Lsn to = std::min(stream->stored, held->to);
    Bytes bytes(static_cast<std::size_t>(to.value - start.value));
    REPRIEVE_RETURN_IF_ERROR(stream->spool.read(start, bytes));
    stream->scan(bytes);
    stream->piece = {};
    const auto in_window = static_cast<std::size_t>(stream->stored.value % stream->window_size());
    stream->pieces = in_window == 0 ? 0 : kPiecesMax;  // As many as it may be.
  } else {
    stream->scanned = stream->stored;
  }
  return stream;
}

Result<std::shared_ptr<WalArchiver::Stream>> WalArchiver::make_stream(const WalOrigin& origin) {
  const auto id = crypto::random_array<16>(repository_.random());
  const std::string folder = options_.folder + "/" + folder_name(origin.timeline, id);
  REPRIEVE_TRY(WalSpool spool, WalSpool::open(folder, {origin.timeline, origin.segment_size}));
  WalHeader header;
  header.origin = origin;
  REPRIEVE_RETURN_IF_ERROR(io::write_file_durably(folder + "/" + std::string{kOriginFile},
                                                  as_bytes(encode_wal_header(header))));
  return std::make_shared<Stream>(id, origin, folder, std::move(spool));
}

Result<Lsn> WalArchiver::begin(const WalOrigin& origin, Lsn kept_from, bool is_anew) {
  const std::lock_guard lock{mutex_};
  current_.reset();
  for (const auto& stream : streams_) {
    if (stream->origin.system_identifier != origin.system_identifier)
      return Error{
          ErrorKind::kConflict,
          "the server is not the one whose log is in " + options_.folder +
              ": its system "
              "identifier is " +
              origin.system_identifier + " and not " + stream->origin.system_identifier,
          "If it took the other's place for good, give it a source of its own, or move the "
          "folder away."};
    if (stream->origin.timeline == origin.timeline) current_ = stream;
  }
  if (is_anew) current_.reset();
  const std::uint64_t size = origin.segment_size;
  Lsn start = segment_floor(kept_from, size);
  if (current_) {
    start = segment_floor(std::max(current_->durable, current_->stored), size);
    // Nothing held: a new beginning in the same stream.
    if (!current_->spool.held() && current_->stored.value == 0)
      start = segment_floor(kept_from, size);
  } else {
    REPRIEVE_TRY(current_, make_stream(origin));
    streams_.push_back(current_);
  }
  if (!current_->spool.held() && current_->stored.value == 0) {
    current_->stored = current_->claimed = current_->durable = current_->written = start;
    current_->scan_from(start);
  }
  status_.system_identifier = origin.system_identifier;
  status_.timeline = origin.timeline;
  return start;
}

Result<> WalArchiver::write(Lsn at, ByteView bytes) {
  const std::lock_guard lock{mutex_};
  REPRIEVE_RETURN_IF_ERROR(current_->spool.write(at, bytes, current_->claimed));
  current_->written = current_->spool.held()->to;
  current_->durable = std::min(current_->durable, current_->written);
  return kOk;
}

Result<Lsn> WalArchiver::sync() {
  const std::lock_guard lock{mutex_};
  REPRIEVE_RETURN_IF_ERROR(current_->spool.sync());
  current_->durable = current_->written;
  if (!current_->is_all_stored() && !current_->waiting_since)
    current_->waiting_since = repository_.clock().uptime();
  changed_.notify_all();
  return current_->durable;
}

void WalArchiver::heard(Lsn server_end, Instant sent) {
  const std::lock_guard lock{mutex_};
  status_.server_end = server_end;
  status_.heard = sent;
}

void WalArchiver::finish() {
  const std::lock_guard lock{mutex_};
  is_finishing_ = true;
  changed_.notify_all();
}

WalArchiverStatus WalArchiver::status() const {
  const std::lock_guard lock{mutex_};
  WalArchiverStatus status = status_;
  for (const auto& stream : streams_) {
    if (!stream->is_all_stored()) status.waiting += stream->durable.value - stream->stored.value;
    if (!stream->doubt.empty()) status.doubt = stream->doubt;
  }
  if (current_) {
    status.durable = current_->durable;
    status.stored = current_->stored;
  }
  return status;
}

std::optional<WalArchiver::Claim> WalArchiver::claim() {
  const std::lock_guard lock{mutex_};
  const Duration now = repository_.clock().uptime();
  for (const auto& stream : streams_) {
    const bool is_due =
        is_finishing_ || stream != current_ ||
        (stream->waiting_since && now - *stream->waiting_since >= options_.piece_interval);
    const auto range =
        next_wal_piece(stream->stored, stream->durable, stream->window_size(), is_due);
    if (!range) continue;
    stream->claimed = range->to;
    stream->waiting_since = now;
    return Claim{stream, *range, status_.server_end, status_.heard};
  }
  return std::nullopt;
}

Result<> WalArchiver::store(Claim& claim) {
  Stream& stream = *claim.stream;
  Bytes bytes(static_cast<std::size_t>(claim.range.length()));
  REPRIEVE_RETURN_IF_ERROR(stream.spool.read(claim.range.from, bytes));
  if (stream.scanned == claim.range.from) {
    stream.piece = {};
    stream.scan(bytes);
  }
  REPRIEVE_RETURN_IF_ERROR(
      writer_.put(stream.id, claim.range.from.value,
                  header_of(stream.origin, stream.piece, claim.server_end, claim.heard), bytes));
  ++stream.pieces;
  if (claim.range.to.value % stream.window_size() != 0) return kOk;
  const bool is_many = std::exchange(stream.pieces, 0) > kPiecesMax;
  const Account window = std::exchange(stream.window, {});
  const Lsn start{claim.range.to.value - stream.window_size()};
  const auto held = stream.spool.held();
  if (!is_many || !held || held->from > start) return kOk;
  bytes.resize(static_cast<std::size_t>(stream.window_size()));
  REPRIEVE_RETURN_IF_ERROR(stream.spool.read(start, bytes));
  return writer_.put(stream.id, start.value,
                     header_of(stream.origin, window, claim.server_end, claim.heard), bytes);
}

void WalArchiver::settle(const Claim& claim) {
  const std::lock_guard lock{mutex_};
  Stream& stream = *claim.stream;
  stream.stored = claim.range.to;
  if (stream.is_all_stored()) stream.waiting_since.reset();
  status_.problem.clear();
  ignore_error(stream.spool.drop_before(segment_floor(stream.stored, stream.origin.segment_size)),
               "what is not removed is only space, and the next segment tries again");
}

/// Timelines that ended and are stored leave the disk.
Result<> WalArchiver::drop_finished() {
  const std::lock_guard lock{mutex_};
  for (auto stream = streams_.begin(); stream != streams_.end();) {
    // While nothing was received in this run, the newest may be gone on with.
    const bool is_needed = *stream == current_ || (!current_ && *stream == streams_.back());
    if (is_needed || !(*stream)->is_all_stored()) {
      ++stream;
      continue;
    }
    REPRIEVE_RETURN_IF_ERROR(io::remove_tree((*stream)->folder));
    stream = streams_.erase(stream);
  }
  return kOk;
}

Result<> WalArchiver::run() {
  Duration pause{0};
  while (true) {
    auto next = claim();
    if (!next) {
      REPRIEVE_RETURN_IF_ERROR(drop_finished());
      std::unique_lock lock{mutex_};
      if (is_finishing_) return kOk;
      changed_.wait_for(lock, options_.piece_interval / 10);
      continue;
    }
    auto stored = store(*next);
    if (stored) {
      settle(*next);
      pause = Duration{0};
      continue;
    }
    std::unique_lock lock{mutex_};
    status_.problem = stored.error().what;
    if (is_finishing_) return std::move(stored).error();
    pause = std::clamp(2 * pause, kFirstWait, kLongestWait);
    changed_.wait_for(lock, pause, [this] { return is_finishing_; });
  }
}

}  // namespace reprieve::backup
