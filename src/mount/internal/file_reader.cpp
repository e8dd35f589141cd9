#include "mount/internal/file_reader.hpp"

#include <algorithm>

namespace reprieve::mount {
namespace {

// Of chunks that are 1 MiB on average; each thread brings one at a time.
constexpr std::size_t kAheadChunks = 4;
constexpr std::size_t kWantedMax = 16;
/// Reads of one file may overtake each other by what the kernel itself reads ahead.
constexpr std::uint64_t kNear = 1024 * 1024;
constexpr std::size_t kFilesFollowed = 1024;
constexpr std::size_t kZeros = 1024 * 1024;

}  // namespace

FileReader::FileReader(ReadChunk read_chunk, unsigned ahead_threads)
    : read_chunk_{std::move(read_chunk)} {
  threads_.reserve(ahead_threads);
  for (unsigned i = 0; i < ahead_threads; ++i)
    threads_.emplace_back([this] { work(); });
}

FileReader::~FileReader() {
  {
    const std::lock_guard lock{mutex_};
    is_ending_ = true;
    has_work_.notify_all();
  }
  for (std::thread& thread : threads_)
    thread.join();
}

Result<std::shared_ptr<const Bytes>> FileReader::chunk(const ChunkRef& ref) {
  return chunks_.get(ref.id, [&]() -> Result<BudgetCache<ChunkId, Bytes>::Loaded> {
    REPRIEVE_TRY(Bytes bytes, read_chunk_(ref));
    const std::size_t size = bytes.size();
    return BudgetCache<ChunkId, Bytes>::Loaded{std::make_shared<const Bytes>(std::move(bytes)),
                                               size};
  });
}

Result<std::vector<FileReader::Piece>> FileReader::read(std::uint64_t file, const MakeMap& make_map,
                                                        std::uint64_t offset, std::size_t length) {
  using Maps = BudgetCache<std::uint64_t, FileMap>;
  REPRIEVE_TRY(const Map map, maps_.get(file, [&]() -> Result<Maps::Loaded> {
    REPRIEVE_TRY(FileMap made, make_map());
    const std::size_t size = made.size_bytes();
    return Maps::Loaded{std::make_shared<const FileMap>(std::move(made)), size};
  }));
  static const auto zeros = std::make_shared<const Bytes>(kZeros, std::byte{0});
  std::vector<Piece> pieces;
  std::uint64_t end = offset;
  for (const FileMap::Piece& piece : map->pieces(offset, length)) {
    end += piece.length;
    if (piece.kind == FileMap::Piece::Kind::kInline) {
      pieces.push_back({ByteView{map->inline_bytes()}.subspan(piece.offset, piece.length), map});
    } else if (piece.kind == FileMap::Piece::Kind::kZeros) {
      for (std::size_t left = piece.length; left > 0; left -= std::min(left, kZeros))
        pieces.push_back({ByteView{*zeros}.first(std::min(left, kZeros)), zeros});
    } else {
      const ChunkRef& ref = map->chunk(piece.chunk);
      read_ahead(file, map, offset, end, piece.chunk);
      REPRIEVE_TRY(const auto bytes, chunk(ref));
      if (bytes->size() != ref.length)
        return Error{ErrorKind::kCorrupt, "a chunk has another length than its file says"};
      pieces.push_back({ByteView{*bytes}.subspan(piece.offset, piece.length), bytes});
    }
  }
  return pieces;
}

void FileReader::read_ahead(std::uint64_t file, const Map& map, std::uint64_t offset,
                            std::uint64_t end, std::size_t last_chunk) {
  if (last_chunk + 1 >= map->chunk_count()) return;
  const std::lock_guard lock{mutex_};
  // A number that stands for another file by now costs a needless read, no more.
  if (ends_.size() >= kFilesFollowed) ends_.clear();
  std::uint64_t& before = ends_[file];
  const bool is_sequential = offset <= before + kNear && before <= offset + kNear;
  before = end;
  if (!is_sequential) return;
  const std::size_t stop = std::min(map->chunk_count(), last_chunk + 1 + kAheadChunks);
  for (std::size_t next = last_chunk + 1; next < stop && wanted_.size() < kWantedMax; ++next) {
    if (chunks_.has(map->chunk(next).id)) continue;
    const bool is_wanted = std::ranges::any_of(
        wanted_, [&](const Ahead& ahead) { return ahead.map == map && ahead.chunk == next; });
    if (is_wanted) continue;
    wanted_.push_back({map, next});
    has_work_.notify_one();
  }
}

void FileReader::work() {
  std::unique_lock lock{mutex_};
  for (;;) {
    has_work_.wait(lock, [&] { return is_ending_ || !wanted_.empty(); });
    if (is_ending_) return;
    const Ahead ahead = std::move(wanted_.front());
    wanted_.pop_front();
    lock.unlock();
    ignore_error(chunk(ahead.map->chunk(ahead.chunk)), "who reads it meets the error again");
    lock.lock();
  }
}

}  // namespace reprieve::mount
