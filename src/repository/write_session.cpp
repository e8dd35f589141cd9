#include "repository/write_session.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/budget_queue.hpp"
#include "repository/internal/compression_pace.hpp"
#include "repository/internal/frame.hpp"
#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/index_store.hpp"
#include "repository/internal/known_set.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/loss_record.hpp"
#include "repository/internal/lost_packs.hpp"
#include "repository/internal/pack_writer.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/session_list.hpp"
#include "repository/internal/session_record.hpp"
#include "repository/internal/snapshot_store.hpp"

namespace reprieve::repository {

namespace {

/// Raw frames that wait for a sealing thread.
constexpr std::size_t kSealQueueBytes = 12 * 1024 * 1024;
/// Threads that put small chunks gather them in so many places, so that each fills frames with the
/// neighbours that it reads. One megabyte each at most.
constexpr std::size_t kGatherers = 8;

/// Runs of one writer that may commit between our look and our put.
constexpr int kCommitTries = 1000;

/// A chunk with so many children is a frame alone, as a large one is: trailers stay small.
constexpr std::size_t kManyChildren = 16 * 1024;
/// Their ids stand in the trailer beside the frame: both fit into one pack.
constexpr std::size_t kChildrenMax = 128 * 1024;

std::size_t thread_number() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t number = next++;
  return number;
}

/// Plaintext of one frame to be, and the chunks in it.
struct OpenFrame {
  std::uint8_t pack_type = kDataPack;
  Bytes raw;
  std::vector<PackContents::Chunk> chunks;

  void add(ChunkType type, const ChunkId& id, ByteView plaintext,
           std::span<const ChunkId> children) {
    PackContents::Chunk& chunk = chunks.emplace_back();
    chunk.id = id;
    chunk.type = type;
    chunk.offset = static_cast<std::uint32_t>(raw.size());
    chunk.length = static_cast<std::uint32_t>(plaintext.size());
    chunk.children.assign(children.begin(), children.end());
    raw.insert(raw.end(), plaintext.begin(), plaintext.end());
  }
};

struct Gatherer {
  std::mutex mutex;
  OpenFrame frame;  // Guarded by mutex.
};

Error fenced_error() {
  return Error{ErrorKind::kConflict, "garbage collection fenced this backup off while it ran",
               "Run the backup again."};
}

}  // namespace

struct WriteSession::State {
  State(Repository& of, SessionOptions with, Progress& shown, KeyRing::Session made)
      : repository{of},
        options{with},
        progress{shown},
        session{std::move(made)},
        pace{with.compression_level, with.compression_level_max} {}
  ~State();

  Result<> announce();
  void start();
  bool is_stored(const ChunkId& id);
  void gather(ChunkType type, const ChunkId& id, ByteView plaintext,
              std::span<const ChunkId> children);
  Gatherer& gatherer_for(ChunkType type);
  void submit(OpenFrame frame);
  void seal(OpenFrame frame);
  void seal_frames();
  void join_sealers();
  Result<> write_index(std::vector<PackContents> finished);
  Result<> finish_chunks();
  Result<> choose_reliable();
  Result<> check_alive();
  Result<> store_snapshot(Snapshot& snapshot);

  Repository& repository;
  const SessionOptions options;
  Progress& progress;
  const KeyRing::Session session;
  SessionId id{};
  std::uint64_t gc_seen = 0;
  std::unordered_set<PackId> absent;          // Condemned, lost, or not to be relied on.
  std::unordered_set<PackId> reliable_trees;  // See choose_reliable(); constant afterwards.
  std::array<std::uint64_t, 256> gear{};

  StickyError failure;
  KnownSet known;
  mutable std::shared_mutex own_mutex;
  std::unordered_set<PackId> own_packs;  // In an index already. Guarded by own_mutex.
  std::atomic<std::uint64_t> bytes_new{0};
  std::atomic<std::uint64_t> bytes_dense{0};
  CompressionPace pace;

  std::array<Gatherer, kGatherers> data_gatherers;
  Gatherer tree_gatherer;
  BudgetQueue<OpenFrame> seal_queue{kSealQueueBytes};
  std::optional<PackWriter> packs;
  std::vector<std::thread> sealers;  // Last: they use all of the above.
};

WriteSession::State::~State() {
  // Whoever is still here was not committed: drop what waits instead of writing it.
  if (!sealers.empty()) failure.set(Error{ErrorKind::kCancelled, "the session was abandoned"});
  join_sealers();
}

void WriteSession::State::join_sealers() {
  seal_queue.close();
  for (std::thread& sealer : sealers)
    sealer.join();
  sealers.clear();
}

Result<> WriteSession::State::announce() {
  ObjectStore& store = repository.store();
  const KeyRing& keys = repository.keys();
  REPRIEVE_TRY(const GcState before, read_gc_state(store, keys));
  SessionRecord record;
  record.repository = repository.id();
  record.writer = keys.writer_id();
  record.random = crypto::random_array<16>(repository.random());
  record.gc_seen = before.newest;
  record.started = repository.clock().now();
  const Bytes encoded = encode_session(record, keys.signing_key());
  id = session_id_of(encoded);
  gc_seen = before.newest;
  REPRIEVE_RETURN_IF_ERROR(store.put(id_key(kSessionPrefix, id), encode_twin(encoded)));
  // Some stores list late what they were told of: what was synced, collectors see.
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  // Again, now that collectors can see the session: what they condemned in between is absent too.
  REPRIEVE_TRY(const GcState after, read_gc_state(store, keys));
  // Lost packs are absent, too: so a backup brings back what it still finds at its source.
  REPRIEVE_TRY(const std::set<PackId> lost, find_lost_packs(store, repository.index()));
  absent.insert(lost.begin(), lost.end());
  for (const auto& [pack, n] : after.condemned)
    absent.insert(pack);
  // And so are packs that somebody found damaged beyond healing.
  REPRIEVE_TRY(const auto losses, read_losses(store, keys));
  for (const auto& [pack, loss] : losses)
    absent.insert(pack);
  return choose_reliable();
}

/// Who relies on a tree relies on all below it. Only a snapshot, or a collector's copy, vouches for
/// that: what a running or abandoned session wrote may stand on what is being deleted. Its data
/// chunks stand for themselves and do no harm.
Result<> WriteSession::State::choose_reliable() {
  REPRIEVE_TRY(const auto unfinished, unfinished_sessions(repository.store(), repository.keys()));
  const KeyRing& keys = repository.keys();
  for (const Index::PackRow& row : repository.index().packs()) {
    const auto writer = writer_in_label(row.label);
    if (!writer || !keys.may_rely_on(*writer)) absent.insert(row.id);
    if (row.pack_type != kTreePack || absent.contains(row.id)) continue;
    const auto label = parse_label(row.label);
    if (label && !unfinished.contains(label->session)) reliable_trees.insert(row.id);
  }
  return kOk;
}

void WriteSession::State::start() {
  const KeyRing& keys = repository.keys();
  gear = keys.gear_table();
  packs.emplace(
      PackWriter::Target{repository.store(), repository.random(), repository.clock(), keys,
                         progress, session.entry, id, options.workers,
                         std::min(options.pack_bytes, kPackBodyMax / 4 * 3), options.index_chunks,
                         options.index_interval},
      [this](std::vector<PackContents> finished) { return write_index(std::move(finished)); }, pace,
      failure);
  if (options.workers == Workers::kCaller) return;
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned count = options.threads == 0 ? cores : options.threads;
  for (unsigned i = 0; i < count; ++i)
    sealers.emplace_back([this] { seal_frames(); });
}

bool WriteSession::State::is_stored(const ChunkId& chunk) {
  const auto accept = [this](const PackId& pack, std::uint8_t pack_type) {
    if (absent.contains(pack)) return false;
    if (pack_type == kDataPack || reliable_trees.contains(pack)) return true;
    const std::shared_lock lock{own_mutex};
    return own_packs.contains(pack);
  };
  return repository.index().find_settled(chunk, accept).has_value();
}

Gatherer& WriteSession::State::gatherer_for(ChunkType type) {
  return type == ChunkType::kData ? data_gatherers[thread_number() % kGatherers] : tree_gatherer;
}

void WriteSession::State::gather(ChunkType type, const ChunkId& chunk, ByteView plaintext,
                                 std::span<const ChunkId> children) {
  OpenFrame full;
  full.pack_type = type == ChunkType::kData ? kDataPack : kTreePack;
  if (plaintext.size() >= kSmallChunkLimit || children.size() >= kManyChildren) {
    full.add(type, chunk, plaintext, children);
  } else {
    Gatherer& gatherer = gatherer_for(type);
    const std::lock_guard lock{gatherer.mutex};
    OpenFrame& open = gatherer.frame;
    open.pack_type = full.pack_type;
    if (open.raw.size() + plaintext.size() > options.frame_bytes)
      full = std::exchange(open, OpenFrame{full.pack_type, {}, {}});
    open.raw.reserve(std::max<std::size_t>(options.frame_bytes, plaintext.size()));
    open.add(type, chunk, plaintext, children);
  }
  submit(std::move(full));
}

void WriteSession::State::submit(OpenFrame frame) {
  if (frame.chunks.empty()) return;
  const std::size_t bytes = frame.raw.size();
  if (options.workers == Workers::kCaller)
    seal(std::move(frame));
  else
    seal_queue.push(std::move(frame), bytes);
}

void WriteSession::State::seal(OpenFrame frame) {
  if (failure.is_set()) return;
  FrameBinding binding;
  binding.repository = repository.id();
  binding.epoch = session.entry.epoch;
  binding.pack_type = frame.pack_type;
  const SealedFrame sealed =
      seal_frame(session.shared, binding, repository.random(), frame.raw, pace.level());
  if (frame.pack_type == kDataPack && sealed.codec == Codec::kStored)
    bytes_dense += frame.raw.size();
  packs->add(frame.pack_type, sealed, std::move(frame.chunks));
}

/// To the end also after a failure, so that nobody blocks for ever.
void WriteSession::State::seal_frames() {
  while (auto frame = seal_queue.pop())
    seal(*std::move(frame));
}

Result<> WriteSession::State::write_index(std::vector<PackContents> finished) {
  // An index never names a pack that a crash could still take away.
  REPRIEVE_RETURN_IF_ERROR(repository.store().sync());
  auto stored = repository.index_store().put(id, encode_index(finished));
  if (!stored) return std::move(stored).error();
  {
    const std::lock_guard lock{own_mutex};
    for (const PackContents& pack : finished)
      own_packs.insert(pack.id);
  }
  // From here on the index answers for these chunks.
  for (const PackContents& pack : finished) {
    for (const PackContents::Chunk& chunk : pack.chunks)
      known.erase(chunk.id);
  }
  return kOk;
}

Result<> WriteSession::State::finish_chunks() {
  for (Gatherer& gatherer : data_gatherers)
    submit(std::exchange(gatherer.frame, OpenFrame{}));
  submit(std::exchange(tree_gatherer.frame, OpenFrame{}));
  join_sealers();
  return packs->finish();
}

/// What was condemned while the session ran needs no look: collectors wait for the session, and
/// then copy out what its snapshot needs. They do so only as long as it is announced and not
/// fenced.
Result<> WriteSession::State::check_alive() {
  ObjectStore& store = repository.store();
  auto announced = store.stat(id_key(kSessionPrefix, id));
  if (!announced && announced.error().kind == ErrorKind::kNotFound) return fenced_error();
  if (!announced) return std::move(announced).error();
  REPRIEVE_TRY(const bool fenced, is_fenced(store, repository.keys(), id));
  return fenced ? Result<>{fenced_error()} : Result<>{kOk};
}

/// Chains to the newest snapshot of this writer. Another run of the same writer may be quicker:
/// then the name is taken, and the next try chains to that one.
Result<> WriteSession::State::store_snapshot(Snapshot& snapshot) {
  ObjectStore& store = repository.store();
  const KeyRing& keys = repository.keys();
  snapshot.writer = keys.writer_id();
  for (int tries = 0; tries < kCommitTries; ++tries) {
    REPRIEVE_TRY(std::vector<SnapshotHead> heads, read_heads(store, keys));
    SnapshotHead own;
    for (const SnapshotHead& head : heads) {
      if (head.writer == snapshot.writer) own = head;
    }
    std::erase(heads, own);
    snapshot.seq = own.seq + 1;
    snapshot.previous = own.id;
    snapshot.time = repository.clock().now();
    REPRIEVE_TRY(const Bytes record,
                 encode_snapshot(snapshot, heads, keys, session, repository.random()));
    snapshot.id = snapshot_id_of(record);
    auto stored = store.put(snapshot_key(snapshot.writer, snapshot.seq), encode_twin(record));
    if (stored) return kOk;
    if (stored.error().kind != ErrorKind::kConflict) return stored;
  }
  return Error{ErrorKind::kConflict, "other backups of this writer kept taking the next number",
               "Run the backup again."};
}

Result<std::unique_ptr<WriteSession>> WriteSession::begin(Repository& repository,
                                                          SessionOptions options,
                                                          Progress& progress) {
  const KeyRing& keys = repository.keys();
  if (keys.can_sign()) REPRIEVE_RETURN_IF_ERROR(keys.check_is_current());
  if (!keys.can_write())
    return Error{ErrorKind::kDenied, "this key may not write to the repository",
                 "Use the key of a writer or an administrator."};
  REPRIEVE_TRY(KeyRing::Session made, keys.new_session(repository.random()));
  auto state = std::make_unique<State>(repository, options, progress, std::move(made));
  auto announced = state->announce();
  if (!announced) return std::move(announced).error().at("begin a backup session");
  state->start();
  return std::make_unique<WriteSession>(std::move(state));
}

WriteSession::WriteSession(std::unique_ptr<State> state) : state_{std::move(state)} {}
WriteSession::~WriteSession() = default;

Result<ChunkId> WriteSession::put(ChunkType type, ByteView plaintext,
                                  std::span<const ChunkId> children) {
  REPRIEVE_RETURN_IF_ERROR(state_->failure.check());
  if (plaintext.size() > kFrameRawMax || children.size() > kChildrenMax)
    return Error{ErrorKind::kInvalid, "a chunk is larger than any reader accepts"};
  const ChunkId id = state_->repository.keys().chunk_id(type, plaintext);
  if (state_->is_stored(id) || !state_->known.insert(id)) return id;
  state_->bytes_new += plaintext.size();
  state_->progress.bytes_new += plaintext.size();
  state_->gather(type, id, plaintext, children);
  return id;
}

bool WriteSession::has(const ChunkId& id) const {
  return state_->known.contains(id) || state_->is_stored(id);
}

const ChunkerParameters& WriteSession::chunker_parameters() const {
  return state_->repository.chunker_parameters();
}

const std::array<std::uint64_t, 256>& WriteSession::gear_table() const {
  return state_->gear;
}

Result<> WriteSession::abandon() {
  State& state = *state_;
  if (state.failure.is_set()) return kOk;
  state.failure.set(Error{ErrorKind::kCancelled, "the session was abandoned"});
  state.join_sealers();
  return state.packs->index_stored();
}

Result<Snapshot> WriteSession::commit(const ListRef& root, const Statistics& statistics,
                                      const Description& description) {
  State& state = *state_;
  REPRIEVE_RETURN_IF_ERROR(state.finish_chunks());
  ObjectStore& store = state.repository.store();
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  REPRIEVE_RETURN_IF_ERROR(state.check_alive());

  Snapshot snapshot;
  snapshot.session = state.id;
  snapshot.is_final = true;
  snapshot.gc_seen = state.gc_seen;
  snapshot.root = root;
  snapshot.statistics = statistics;
  snapshot.statistics.bytes_new = state.bytes_new;
  snapshot.statistics.bytes_dense = state.bytes_dense;
  snapshot.statistics.bytes_stored = state.packs->bytes_stored();
  snapshot.description = description;
  REPRIEVE_RETURN_IF_ERROR(state.store_snapshot(snapshot));
  REPRIEVE_RETURN_IF_ERROR(store.sync());

  REPRIEVE_TRY(const bool fenced, is_fenced(store, state.repository.keys(), state.id));
  if (fenced) return fenced_error();
  if (description.replaces) {
    snapshot.description.replaces->rewritten = snapshot.time;
    snapshot.time = description.replaces->time;
  }
  return snapshot;
}

}  // namespace reprieve::repository
