#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/budget_cache.hpp"
#include "mount/internal/file_map.hpp"
#include "source/source.hpp"

namespace reprieve::mount {

/// Reads files of recovery points anywhere, with a cache of chunks and, where a file is read front
/// to back, some chunks ahead of the reader. Thread-safe. Memory: kCacheBytes and, for the files
/// that were read last, 44 bytes for each of their chunks up to kMapBytes.
class FileReader {
 public:
  static constexpr std::size_t kCacheBytes = 64 * 1024 * 1024;
  static constexpr std::size_t kMapBytes = 32 * 1024 * 1024;

  using ReadChunk = std::function<Result<Bytes>(const ChunkRef&)>;
  /// `read_chunk` is called by several threads at once.
  FileReader(ReadChunk read_chunk, unsigned ahead_threads);
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  ~FileReader();

  /// How to learn what a file consists of, if that is not known yet.
  using MakeMap = std::function<Result<FileMap>()>;

  /// Bytes of a file, and what keeps them in memory.
  struct Piece {
    ByteView bytes;
    std::shared_ptr<const void> owner;
  };
  /// `length` bytes from `offset` on of the file with this number, fewer at its end. Errors: those
  /// of `make_map` and of reading.
  Result<std::vector<Piece>> read(std::uint64_t file, const MakeMap& make_map, std::uint64_t offset,
                                  std::size_t length);

 private:
  using Map = std::shared_ptr<const FileMap>;
  struct Ahead {
    Map map;
    std::size_t chunk = 0;
  };

  Result<std::shared_ptr<const Bytes>> chunk(const ChunkRef& ref);
  void read_ahead(std::uint64_t file, const Map& map, std::uint64_t offset, std::uint64_t end,
                  std::size_t last_chunk);
  void work();

  const ReadChunk read_chunk_;
  BudgetCache<ChunkId, Bytes> chunks_{kCacheBytes};
  BudgetCache<std::uint64_t, FileMap> maps_{kMapBytes};
  std::mutex mutex_;
  std::condition_variable has_work_;
  // Guarded by mutex_, as all below.
  std::deque<Ahead> wanted_;
  std::unordered_map<std::uint64_t, std::uint64_t> ends_;  // Where each file was read to.
  bool is_ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace reprieve::mount
