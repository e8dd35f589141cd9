#include "repository/internal/pack_writer.hpp"

#include "base/assert.hpp"
#include "repository/internal/label.hpp"

namespace reprieve::repository {

namespace {

/// Full packs that wait: with those being finished, what bounds this stage's memory.
constexpr std::size_t kQueueBytes = 24 * 1024 * 1024;
/// Two, so that one computes parity while the other waits for the store.
constexpr unsigned kWriterThreads = 2;

}  // namespace

PackWriter::PackWriter(const Target& target, Index index, CompressionPace& pace,
                       StickyError& failure)
    : target_{target},
      index_{std::move(index)},
      pace_{pace},
      failure_{failure},
      queue_{kQueueBytes},
      indexed_at_{target.clock.uptime()},
      callers_away_since_{indexed_at_} {
  if (target_.workers == Workers::kCaller) return;
  for (unsigned i = 0; i < kWriterThreads; ++i)
    threads_.emplace_back([this] { run(); });
}

PackWriter::~PackWriter() {
  if (threads_.empty()) return;
  failure_.set(Error{ErrorKind::kCancelled, "the session was abandoned"});
  join();
}

void PackWriter::add(std::uint8_t pack_type, const SealedFrame& frame,
                     std::vector<PackContents::Chunk> chunks) {
  REPRIEVE_ASSERT(pack_type == kDataPack || pack_type == kTreePack);
  OpenPack& open = open_[pack_type - 1U];
  // Held while enqueue() blocks, too: who comes next would only wait with one more pack.
  const std::lock_guard lock{open.mutex};
  if (open.builder && !open.builder->has_room_for(frame, chunks)) enqueue(open);
  if (!open.builder)
    open.builder.emplace(pack_type, std::vector{target_.key},
                         pack_type == kDataPack ? target_.pack_bytes : 0);
  open.builder->add(frame, 0, std::move(chunks));
  if (open.builder->body_bytes() >= target_.pack_bytes) enqueue(open);
}

void PackWriter::enqueue(OpenPack& open) {
  const std::size_t bytes = open.builder->body_bytes();
  if (target_.workers == Workers::kCaller)
    write_or_fail(*std::move(open.builder), callers_away_since_);
  else
    queue_.push(*std::move(open.builder), bytes);
  open.builder.reset();
}

void PackWriter::run() {
  Duration away_since = target_.clock.uptime();
  while (auto builder = queue_.pop())  // To the end, so that nobody blocks for ever.
    write_or_fail(*std::move(builder), away_since);
}

void PackWriter::write_or_fail(PackBuilder builder, Duration& away_since) {
  if (failure_.is_set()) return;
  auto written = write(std::move(builder), away_since);
  if (!written) failure_.set(std::move(written).error());
}

Result<> PackWriter::write(PackBuilder builder, Duration& away_since) {
  FinishedPack pack = std::move(builder).finish(target_.keys, target_.session, target_.random);
  const Duration began = target_.clock.uptime();
  REPRIEVE_RETURN_IF_ERROR(target_.store.put(pack_key(pack.contents.id), pack.object()));
  const Duration ended = target_.clock.uptime();
  pace_.add_write(began - away_since, ended - began);
  away_since = ended;
  bytes_stored_ += pack.object().size();
  target_.progress.bytes_stored += pack.object().size();
  pack.buffer = Bytes{};
  for (PackContents::Chunk& chunk : pack.contents.chunks)
    chunk.children = {};  // The trailer has them; an index does not keep them.
  bool is_due = false;
  {
    const std::lock_guard lock{pending_mutex_};
    pending_chunks_ += pack.contents.chunks.size();
    pending_.push_back(std::move(pack.contents));
    is_due = ended - indexed_at_ >= target_.index_interval;
  }
  return index_pending(is_due ? 0 : target_.index_chunks);
}

Result<> PackWriter::index_pending(std::size_t chunks_min) {
  const std::lock_guard index_lock{index_mutex_};
  std::vector<PackContents> packs;
  {
    const std::lock_guard lock{pending_mutex_};
    if (pending_.empty() || pending_chunks_ < chunks_min) return kOk;
    packs.swap(pending_);
    pending_chunks_ = 0;
    indexed_at_ = target_.clock.uptime();
  }
  return index_(std::move(packs));
}

void PackWriter::join() {
  queue_.close();
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
}

Result<> PackWriter::index_stored() {
  REPRIEVE_ASSERT(failure_.is_set());
  join();
  return index_pending(0);
}

Result<> PackWriter::finish() {
  for (OpenPack& open : open_) {
    const std::lock_guard lock{open.mutex};
    if (open.builder) enqueue(open);
  }
  join();
  REPRIEVE_RETURN_IF_ERROR(failure_.check());
  auto indexed = index_pending(0);
  if (!indexed) failure_.set(indexed.error());
  return indexed;
}

}  // namespace reprieve::repository
