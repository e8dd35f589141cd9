#include "source/postgresql/postgres_source.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <thread>

#include "source/postgresql/facts.hpp"
#include "source/postgresql/internal/backup_pipeline.hpp"
#include "source/postgresql/wal_stream.hpp"

namespace reprieve {
namespace {

/// Between the thread that receives and the one that stores.
constexpr std::size_t kQueueBytes = 32 * 1024 * 1024;
constexpr std::size_t kLabelMax = 512;
constexpr std::size_t kHistoryBytesMax = 1024 * 1024;

class MemoryReader : public ByteReader {
 public:
  explicit MemoryReader(ByteView rest) : rest_{rest} {}
  Result<std::size_t> read(MutableByteView out) override {
    const std::size_t taken = std::min(out.size(), rest_.size());
    std::copy_n(rest_.begin(), taken, out.begin());
    rest_ = rest_.subspan(taken);
    return taken;
  }

 private:
  ByteView rest_;
};

Result<Entry> put_file(CaptureSink& sink, std::string name, ByteView bytes, FileTime modified) {
  MemoryReader reader{bytes};
  Entry entry;
  REPRIEVE_TRY(entry.content, sink.put_content(reader, Chunking::kContentDefined));
  entry.name = std::move(name);
  entry.mode = 0600;
  entry.modified = modified;
  return entry;
}

Result<Entry> put_folder(CaptureSink& sink, std::string name, std::vector<Entry> children,
                         FileTime modified) {
  Entry entry;
  REPRIEVE_TRY(entry.directory, sink.put_directory(std::move(children)));
  entry.name = std::move(name);
  entry.type = EntryType::kDirectory;
  entry.mode = 0700;
  entry.modified = modified;
  return entry;
}

/// Of several threads' errors the one that came first: the others follow from it.
class FirstError {
 public:
  void set(Error error) {
    const std::lock_guard lock{mutex_};
    if (!error_) error_ = std::move(error);
  }
  [[nodiscard]] Result<> check() {
    const std::lock_guard lock{mutex_};
    if (error_) return *error_;
    return kOk;
  }

 private:
  std::mutex mutex_;
  std::optional<Error> error_;
};

/// The threads of one backup while data flows. The thread that calls run() stores files; the others
/// receive the base backup, store WAL segments, and keep the server from taking us for dead.
class Transfer {
 public:
  Transfer(CaptureSink& sink, BaseBackup& backup, WalStream& wal, std::uint16_t data_mode)
      : sink_{sink}, backup_{backup}, wal_{wal}, writer_{sink, data_mode} {}

  Result<> run() {
    std::thread receiver{[this] { receive(); }};
    std::thread wal_taker{[this] { take_wal(); }};
    std::thread keeper{[this] { keep_alive(); }};
    if (auto stored = writer_.run(queue_); !stored) give_up(std::move(stored).error());
    receiver.join();
    wal_taker.join();
    {
      const std::lock_guard lock{mutex_};
      is_over_ = true;
      over_.notify_all();
    }
    keeper.join();
    return first_error_.check();
  }

  // What is there once run() succeeded.
  Result<ArchiveWriter::Stored> finish() { return writer_.finish(); }
  [[nodiscard]] const BaseBackupEnd& end() const { return end_; }
  [[nodiscard]] const Bytes& manifest() const { return splitter_.manifest_text(); }
  std::vector<Entry> take_segments() { return std::move(segments_); }

 private:
  void receive() {
    auto end = backup_.receive(splitter_, given_up_);
    if (end) {
      end_ = *std::move(end);
      wal_.stop_at(end_.end);
      queue_.close();
    } else {
      give_up(std::move(end).error());
    }
  }
  void take_wal() {
    auto segments = wal_.run(sink_);
    if (segments)
      segments_ = *std::move(segments);
    else
      give_up(std::move(segments).error().at("receiving the write-ahead log"));
  }
  void keep_alive() {
    constexpr auto kTick = std::chrono::milliseconds{500};
    std::unique_lock lock{mutex_};
    while (!over_.wait_for(lock, kTick, [this] { return is_over_; })) {
      wal_.answer_if_due();
      if (auto cancelled = sink_.cancel().check(); !cancelled)
        give_up(std::move(cancelled).error());
    }
  }
  /// Stops all threads; safe to call from any of them, more than once.
  void give_up(Error error) {
    first_error_.set(std::move(error));
    given_up_.request();
    wal_.abort();
    queue_.close();
  }

  CaptureSink& sink_;
  BaseBackup& backup_;
  WalStream& wal_;
  ArchiveQueue queue_{kQueueBytes};
  ArchiveSplitter splitter_{queue_};
  ArchiveWriter writer_;
  BaseBackupEnd end_;            // Written by the receiver, read after it was joined.
  std::vector<Entry> segments_;  // The same, by the WAL thread.
  CancelToken given_up_;
  FirstError first_error_;
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;  // Guarded by mutex_.
};

Result<> check_options(const PostgresSourceOptions& options) {
  const auto is_printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (options.label.empty() || options.label.size() > kLabelMax ||
      !std::ranges::all_of(options.label, is_printable))
    return Error{ErrorKind::kInvalid, "the backup's label is empty, too long or not printable"};
  const std::uint32_t rate = options.max_rate_kib;
  if (rate != 0 && (rate < 32 || rate > 1'048'576))
    return Error{ErrorKind::kInvalid, "the transfer rate must be 32 to 1048576 KiB a second"};
  return kOk;
}

std::string slot_name(RandomSource& random) {
  std::array<std::byte, 8> bytes{};
  random.fill(bytes);
  return "reprieve_" + to_hex(bytes);
}

/// Whether a status update that confirms WAL could make commits wait for us, or succeed by us: both
/// would be wrong, since what is received is durable only when the whole backup is.
bool may_be_synchronous(Connection& replication) {
  const std::string names = replication.show("synchronous_standby_names").value_or("");
  return names.find('*') != std::string::npos || names.find("reprieve") != std::string::npos;
}

std::uint16_t data_mode_of(Connection& replication) {
  return replication.show("data_directory_mode") == "0750" ? 0750 : 0700;
}

/// The timeline's history file, which every timeline but the first has.
Result<std::optional<Entry>> put_history(Connection& replication, std::uint32_t timeline,
                                         CaptureSink& sink, FileTime modified) {
  if (timeline == 1) return std::optional<Entry>{};
  REPRIEVE_TRY(const auto rows,
               replication.query("TIMELINE_HISTORY " + std::to_string(timeline), 1));
  const std::string name = format_history_name(timeline);
  if (rows.size() != 1 || rows[0].size() != 2 || rows[0][0] != name || !rows[0][1] ||
      rows[0][1]->size() > kHistoryBytesMax)
    return Error{ErrorKind::kCorrupt, replication.name() + ": sent no history of its timeline"};
  REPRIEVE_TRY(Entry entry, put_file(sink, name, as_bytes(*rows[0][1]), modified));
  return std::optional{std::move(entry)};
}

/// "checksum verification failed in file "./base/5/1259", block 0: ...": the file, if it is named.
std::string path_in(const std::string& warning) {
  const std::size_t open = warning.find('"');
  const std::size_t close = open == std::string::npos ? open : warning.find('"', open + 1);
  return close == std::string::npos ? "" : warning.substr(open + 1, close - open - 1);
}

void report_suspects(const BaseBackupEnd& end, CaptureSink& sink, ClusterFacts& facts) {
  if (!end.is_suspect) return;
  facts.is_suspect = true;
  facts.suspects = end.warnings;
  for (const std::string& warning : end.warnings)
    sink.report({Problem::Kind::kUnreadable, path_in(warning), warning});
  if (end.warnings.empty())
    sink.report({Problem::Kind::kUnreadable, "", "the server found bad page checksums"});
}

}  // namespace

PostgresSource::PostgresSource(PostgresSourceOptions options, Clock& clock, RandomSource& random)
    : options_{std::move(options)}, clock_{clock}, random_{random} {}

Result<std::vector<Entry>> PostgresSource::capture(CaptureSink& sink) {
  using Mode = Connection::Mode;
  REPRIEVE_RETURN_IF_ERROR(check_options(options_));
  const CancelToken& cancel = sink.cancel();
  REPRIEVE_TRY(Connection wal_connection,
               Connection::open(options_.address, Mode::kReplication, clock_, cancel));
  REPRIEVE_TRY(ClusterFacts facts, read_server_facts(wal_connection));
  facts.label = options_.label;
  facts.started = clock_.now();
  const FileTime modified{facts.started.nanoseconds / 1'000'000'000, 0};
  const std::string slot = slot_name(random_);
  // The slot comes before the backup: from here on the server keeps all WAL that it will need.
  REPRIEVE_RETURN_IF_ERROR(wal_connection.query("CREATE_REPLICATION_SLOT \"" + slot +
                                                "\" TEMPORARY PHYSICAL RESERVE_WAL"));
  const bool is_confirming = !may_be_synchronous(wal_connection);
  read_session_facts(options_.address, clock_, cancel, facts);

  REPRIEVE_TRY(Connection connection,
               Connection::open(options_.address, Mode::kReplication, clock_, cancel));
  const std::uint16_t data_mode = data_mode_of(connection);
  const BaseBackupRequest request{options_.label, options_.checkpoint == CheckpointPace::kFast,
                                  options_.max_rate_kib, options_.is_verifying_checksums};
  REPRIEVE_TRY(BaseBackup backup, BaseBackup::begin(connection, request, cancel));
  const BaseBackupStart& start = backup.start();
  sink.progress().bytes_total = start.size_bytes;
  WalStream wal{std::move(wal_connection),
                {slot, start.timeline, start.start, facts.wal_segment_size, is_confirming},
                clock_};
  REPRIEVE_RETURN_IF_ERROR(wal.begin(cancel));
  Transfer transfer{sink, backup, wal, data_mode};
  REPRIEVE_RETURN_IF_ERROR(transfer.run());

  REPRIEVE_TRY(ArchiveWriter::Stored stored, transfer.finish());
  REPRIEVE_TRY(const Manifest manifest, parse_manifest(transfer.manifest()));
  REPRIEVE_RETURN_IF_ERROR(check_manifest(manifest, stored.files));
  std::vector<Entry> segments = transfer.take_segments();
  REPRIEVE_TRY(auto history, put_history(connection, start.timeline, sink, modified));
  if (history) segments.push_back(*std::move(history));

  facts.timeline = start.timeline;
  facts.start = start.start;
  facts.end = transfer.end().end;
  facts.tablespaces = start.tablespaces;
  facts.finished = clock_.now();
  report_suspects(transfer.end(), sink, facts);
  std::vector<Entry> roots;
  REPRIEVE_TRY(roots.emplace_back(),
               put_file(sink, "backup_manifest", transfer.manifest(), modified));
  roots.push_back(std::move(stored.data));
  REPRIEVE_TRY(roots.emplace_back(),
               put_file(sink, "reprieve.json", as_bytes(encode_facts(facts)), modified));
  REPRIEVE_TRY(roots.emplace_back(),
               put_folder(sink, "tablespaces", std::move(stored.tablespaces), modified));
  REPRIEVE_TRY(roots.emplace_back(), put_folder(sink, "wal", std::move(segments), modified));
  facts_ = std::move(facts);
  return roots;
}

}  // namespace reprieve
