#include "backup/wal_archiver.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "source/postgresql/wal_account.hpp"
#include "source/postgresql/wal_map.hpp"
#include "source/postgresql/wal_spool.hpp"

namespace reprieve::backup {
namespace {

using repository::StreamId;
using repository::StreamPiece;

constexpr std::string_view kOriginFile = "origin.json";
constexpr std::size_t kTimelineDigits = 8;  ///< A stream's folder is <timeline>-<id>.
/// Of a folder that is being removed, so that one that is there in part is never gone on with.
constexpr std::string_view kGone = ".gone";
constexpr std::size_t kOriginBytesMax = 2 * 1024 * 1024;
/// More pieces than these of a window are put once more as one.
constexpr std::size_t kPiecesMax = 16;
constexpr Duration kFirstWait = std::chrono::seconds{1};
constexpr Duration kLongestWait = std::chrono::seconds{30};

std::string folder_name(std::uint32_t timeline, const StreamId& id) {
  return fmt::format("{:08x}-{}", timeline, to_hex(id));
}

std::optional<StreamId> id_in_folder_name(std::string_view name) {
  if (name.size() != kTimelineDigits + 1 + 2 * sizeof(StreamId)) return std::nullopt;
  const auto bytes = from_hex(name.substr(kTimelineDigits + 1));
  if (!bytes || name[kTimelineDigits] != '-') return std::nullopt;
  StreamId id{};
  std::ranges::copy(*bytes, id.begin());
  return id;
}

Result<> rename_durably(const std::string& folder, const std::string& from, const std::string& to) {
  REPRIEVE_TRY(const io::Directory directory, io::Directory::open(folder));
  REPRIEVE_RETURN_IF_ERROR(directory.rename(from, directory, to));
  return directory.sync();
}

}  // namespace

/// One timeline's log on its way.
struct WalArchiver::Stream {
  Stream(StreamId stream, WalOrigin from, WalSpool held)
      : id{stream},
        origin{std::move(from)},
        spool{std::move(held)},
        accountant{origin.segment_size, origin.page_size} {}

  const StreamId id;
  const WalOrigin origin;

  // Guarded by the archiver's mutex; only the spool's read() needs none.
  WalSpool spool;
  Lsn written;
  Lsn durable;
  Lsn claimed;  ///< What lies before is stored, or may be: it must not change.
  Lsn stored;
  std::optional<Duration> waiting_since;  ///< Uptime; since when durable bytes wait.
  std::string doubt;

  // The archiving thread's. A window is a whole segment, but at most as long as a piece may be.
  WalAccountant accountant;
  Lsn window_from;  ///< `window` is of what was read from here on.
  WalAccount window;
  std::size_t pieces = 0;  ///< That were put of the window, or may have been.

  [[nodiscard]] std::uint64_t window_size() const {
    return std::min(origin.segment_size, repository::kStreamPieceMax);
  }
  [[nodiscard]] bool is_all_stored() const { return stored >= durable; }

  WalAccount account(Lsn from, ByteView bytes) {
    if (from != accountant.position() || from.value % window_size() == 0) {
      window_from = from;
      window = {};
      pieces = 0;
    }
    WalAccount read = accountant.read(from, bytes);
    window.add(read);
    return read;
  }
};

/// A stretch that the archiving thread stores. Tried again it is the same stretch, and goes on
/// where it failed.
struct WalArchiver::Claim {
  std::shared_ptr<Stream> stream;
  LsnRange range;
  Lsn server_end;
  Instant heard;
  std::optional<WalAccount> account;
  bool is_put = false;
};

namespace {

std::string header_of(const WalOrigin& origin, const WalAccount& account, Lsn server_end,
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
    const std::string folder = options_.folder + "/" + name;
    if (name.ends_with(kGone)) REPRIEVE_RETURN_IF_ERROR(io::remove_tree(folder));
    // Without its origin nothing was received into it yet.
    if (!id_in_folder_name(name) || !io::exists(folder + "/" + std::string{kOriginFile})) continue;
    REPRIEVE_TRY(const std::string own, own_folder(name));
    REPRIEVE_TRY(auto stream, open_stream(own));
    streams_.push_back(std::move(stream));
  }
  return kOk;
}

/// What is left of a receiver with another key goes into a stream of this key's own.
Result<std::string> WalArchiver::own_folder(const std::string& name) {
  if (writer_.owns(*id_in_folder_name(name))) return name;
  const std::string renamed = name.substr(0, kTimelineDigits + 1) + to_hex(writer_.new_stream());
  REPRIEVE_RETURN_IF_ERROR(rename_durably(options_.folder, name, renamed));
  return renamed;
}

Result<std::shared_ptr<WalArchiver::Stream>> WalArchiver::open_stream(const std::string& name) {
  const std::string folder = options_.folder + "/" + name;
  REPRIEVE_TRY(const std::string text,
               io::read_text_file(folder + "/" + std::string{kOriginFile}, {kOriginBytesMax}));
  REPRIEVE_TRY(WalHeader header, parse_wal_header(text));
  const WalOrigin& origin = header.origin;
  REPRIEVE_TRY(WalSpool spool, WalSpool::open(folder, {origin.timeline, origin.segment_size}));
  const StreamId id = *id_in_folder_name(name);
  auto stream = std::make_shared<Stream>(id, header.origin, std::move(spool));

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
  REPRIEVE_RETURN_IF_ERROR(account_again(*stream));
  return stream;
}

/// Of the segment that is stored in part, so that the account of its window is whole.
Result<> WalArchiver::account_again(Stream& stream) {
  const auto& held = stream.spool.held();
  Lsn at = segment_floor(stream.stored, stream.origin.segment_size);
  if (!held || held->from > at) return kOk;
  const Lsn end = std::min(stream.stored, held->to);
  while (at < end) {
    Bytes bytes(static_cast<std::size_t>(std::min(stream.window_size(), end.value - at.value)));
    REPRIEVE_RETURN_IF_ERROR(stream.spool.read(at, bytes));
    stream.account(at, bytes);
    at = Lsn{at.value + bytes.size()};
  }
  stream.pieces = kPiecesMax;  // As many as it may have been.
  return kOk;
}

Result<std::shared_ptr<WalArchiver::Stream>> WalArchiver::make_stream(const WalOrigin& origin) {
  const StreamId id = writer_.new_stream();
  const std::string folder = options_.folder + "/" + folder_name(origin.timeline, id);
  REPRIEVE_TRY(WalSpool spool, WalSpool::open(folder, {origin.timeline, origin.segment_size}));
  WalHeader header;
  header.origin = origin;
  REPRIEVE_RETURN_IF_ERROR(io::write_file_durably(folder + "/" + std::string{kOriginFile},
                                                  as_bytes(encode_wal_header(header))));
  return std::make_shared<Stream>(id, origin, std::move(spool));
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
    if (stream->origin.timeline != origin.timeline) continue;
    if (stream->origin.history != origin.history)
      return Error{
          ErrorKind::kConflict,
          fmt::format("timeline {} has another history than the one whose log is in {}",
                      origin.timeline, options_.folder),
          "Two servers of this cluster were promoted. Receive from the one that is to stay; "
          "if it is this one, move the folder away and take a new backup."};
    current_ = stream;
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
  // Before the server was reached: what an earlier receiver left.
  if (!current_ && streams_.empty()) return status;
  const Stream& shown = current_ ? *current_ : *streams_.back();
  status.durable = shown.durable;
  status.stored = shown.stored;
  return status;
}

std::unique_ptr<WalArchiver::Claim> WalArchiver::claim() {
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
    return std::make_unique<Claim>(
        Claim{stream, *range, status_.server_end, status_.heard, std::nullopt, false});
  }
  return nullptr;
}

Result<> WalArchiver::store(Claim& claim) {
  if (!claim.is_put) REPRIEVE_RETURN_IF_ERROR(store_piece(claim));
  claim.is_put = true;
  if (claim.range.to.value % claim.stream->window_size() != 0) return kOk;
  return store_window(claim);
}

Result<> WalArchiver::store_piece(Claim& claim) {
  Stream& stream = *claim.stream;
  Bytes bytes(static_cast<std::size_t>(claim.range.length()));
  REPRIEVE_RETURN_IF_ERROR(stream.spool.read(claim.range.from, bytes));
  if (!claim.account) {
    claim.account = stream.account(claim.range.from, bytes);
    ++stream.pieces;
  }
  return writer_.put(stream.id, claim.range.from.value,
                     header_of(stream.origin, *claim.account, claim.server_end, claim.heard),
                     bytes);
}

/// Once more as one piece, if it went in many.
Result<> WalArchiver::store_window(const Claim& claim) {
  const Stream& stream = *claim.stream;
  const Lsn start{claim.range.to.value - stream.window_size()};
  if (stream.pieces <= kPiecesMax || stream.window_from != start) return kOk;
  Bytes bytes(static_cast<std::size_t>(stream.window_size()));
  REPRIEVE_RETURN_IF_ERROR(stream.spool.read(start, bytes));
  return writer_.put(stream.id, start.value,
                     header_of(stream.origin, stream.window, claim.server_end, claim.heard), bytes);
}

void WalArchiver::settle(const Claim& claim) {
  const std::lock_guard lock{mutex_};
  Stream& stream = *claim.stream;
  stream.stored = claim.range.to;
  if (stream.is_all_stored()) stream.waiting_since.reset();
  if (!claim.account->doubt.empty()) stream.doubt = claim.account->doubt;
  status_.problem.clear();
  ignore_error(stream.spool.drop_before(segment_floor(stream.stored, stream.origin.segment_size)),
               "what is not removed is only space, and the next segment tries again");
}

/// Timelines that ended and are stored leave the disk.
void WalArchiver::drop_finished() {
  const std::lock_guard lock{mutex_};
  if (streams_.empty()) return;
  // While nothing was received in this run, the newest may be gone on with.
  const auto needed = current_ ? current_ : streams_.back();
  std::erase_if(streams_, [&](const std::shared_ptr<Stream>& stream) {
    if (stream == needed || !stream->is_all_stored()) return false;
    ignore_error(remove_folder(*stream), "it is only space, and the next start removes it");
    return true;
  });
}

Result<> WalArchiver::remove_folder(const Stream& stream) const {
  const std::string name = folder_name(stream.origin.timeline, stream.id);
  const std::string gone = name + std::string{kGone};
  REPRIEVE_RETURN_IF_ERROR(rename_durably(options_.folder, name, gone));
  return io::remove_tree(options_.folder + "/" + gone);
}

Result<> WalArchiver::run() {
  Duration pause{0};
  while (true) {
    if (!pending_) pending_ = claim();
    if (!pending_) {
      drop_finished();
      std::unique_lock lock{mutex_};
      if (is_finishing_) return kOk;
      changed_.wait_for(lock, options_.piece_interval / 10);
      continue;
    }
    auto stored = store(*pending_);
    if (stored) {
      settle(*pending_);
      pending_.reset();
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
