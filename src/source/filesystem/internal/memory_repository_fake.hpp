#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/codec.hpp"
#include "source/filesystem/internal/file_cache.hpp"
#include "source/source.hpp"
#include "tree/tree_codec.hpp"

/// A repository in memory for tests: both sides of a source, through the real tree codec.
namespace reprieve::filesystem {

class MemoryRepository {
 public:
  std::size_t chunk_size = 64 * 1024;

  static ChunkId id_of(ByteView bytes) {
    ChunkId id;
    const std::uint64_t hash = checksum_of(bytes);
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint64_t word = hash_of_child(hash, std::string(i, 'x'));
      std::memcpy(id.bytes.data() + 8 * i, &word, 8);
    }
    return id;
  }
  ChunkId put(ByteView bytes) {
    const ChunkId id = id_of(bytes);
    const std::lock_guard lock{mutex_};
    chunks_.try_emplace(id, copy_of(bytes));
    return id;
  }
  std::optional<Bytes> get(const ChunkId& id) const {
    const std::lock_guard lock{mutex_};
    const auto at = chunks_.find(id);
    if (at == chunks_.end()) return std::nullopt;
    return at->second;
  }
  bool has(const ChunkId& id) const { return get(id).has_value(); }
  void remove(const ChunkId& id) {
    const std::lock_guard lock{mutex_};
    chunks_.erase(id);
  }
  std::set<ChunkId> ids() const {
    const std::lock_guard lock{mutex_};
    std::set<ChunkId> out;
    for (const auto& [id, bytes] : chunks_)
      out.insert(id);
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::map<ChunkId, Bytes> chunks_;
};

class MemorySink : public CaptureSink {
 public:
  explicit MemorySink(MemoryRepository& repository) : repository_{repository} {}

  Result<Content> put_content(ByteReader& reader, Chunking chunking) override {
    ++contents_put;
    if (before_reading) before_reading();
    Content content;
    content.chunking = chunking;
    Bytes stored;
    Bytes buffer(4000);  // No power of two: pieces must not matter.
    for (;;) {
      REPRIEVE_TRY(const std::size_t size, reader.read(buffer));
      if (size == 0) break;
      stored.insert(stored.end(), buffer.begin(), buffer.begin() + static_cast<long>(size));
      if (while_reading) while_reading();
    }
    content.size = stored.size();
    if (stored.size() <= Content::kInlineMax) {
      content.inline_bytes = std::move(stored);
      return content;
    }
    for (ByteView rest = stored; !rest.empty();) {
      const ByteView piece = rest.first(std::min(rest.size(), repository_.chunk_size));
      content.chunks.push_back({repository_.put(piece), static_cast<std::uint32_t>(piece.size())});
      rest = rest.subspan(piece.size());
    }
    if (content.chunks.size() > Content::kContentChunksMax) {
      content.list = ListRef{put_list(content.chunks), 1};
      content.chunks.clear();
    }
    return content;
  }

  Result<ListRef> put_directory(std::vector<Entry> entries) override {
    ++directories_put;
    std::ranges::sort(entries, {}, &Entry::name);
    std::vector<ChunkRef> parts;
    std::span<const Entry> rest{entries};
    for (const std::size_t count : split_tree(entries)) {
      parts.push_back(
          {repository_.put(encode_tree(rest.first(count))), static_cast<std::uint32_t>(count)});
      rest = rest.subspan(count);
    }
    if (parts.size() == 1) return ListRef{parts[0].id, 0};
    return ListRef{put_list(parts), 1};
  }

  bool has(const Content& content) override {
    if (content.list) return repository_.has(content.list->id);
    return std::ranges::all_of(content.chunks,
                               [&](const ChunkRef& chunk) { return repository_.has(chunk.id); });
  }
  bool has(const ListRef& stored) override { return repository_.has(stored.id); }
  void report(Problem problem) override {
    const std::lock_guard lock{mutex_};
    problems.push_back(std::move(problem));
  }
  Progress& progress() override { return progress_; }
  const CancelToken& cancel() override { return cancel_token; }

  std::atomic<int> contents_put{0};
  std::atomic<int> directories_put{0};
  std::vector<Problem> problems;
  std::function<void()> before_reading;
  std::function<void()> while_reading;
  CancelToken cancel_token;

 private:
  /// Pages one after the other instead of a tree of lists.
  ChunkId put_list(const std::vector<ChunkRef>& children) {
    Encoder pages;
    for (std::span<const ChunkRef> rest{children}; !rest.empty();) {
      const auto part = rest.first(std::min(rest.size(), kListChildrenMax));
      pages.bytes(encode_list(part));
      rest = rest.subspan(part.size());
    }
    return repository_.put(pages.view());
  }

  MemoryRepository& repository_;
  Progress progress_;
  std::mutex mutex_;
};

class MemoryReader : public RestoreReader {
 public:
  explicit MemoryReader(const MemoryRepository& repository) : repository_{repository} {}

  Result<std::vector<Entry>> read_directory(const ListRef& directory) override {
    std::vector<ChunkRef> parts{{directory.id, 0}};
    if (directory.depth == 1) {
      REPRIEVE_TRY(parts, read_list(directory.id));
    }
    std::vector<Entry> out;
    for (const ChunkRef& part : parts) {
      const auto bytes = repository_.get(part.id);
      if (!bytes) return Error{ErrorKind::kCorrupt, "a tree is missing"};
      REPRIEVE_TRY(Tree tree, parse_tree(*bytes));
      std::ranges::move(tree.entries, std::back_inserter(out));
    }
    return out;
  }
  Result<std::vector<ChunkRef>> chunks_of(const Content& content) override {
    std::vector<ChunkRef> chunks = content.chunks;
    if (content.list) {
      REPRIEVE_TRY(chunks, read_list(content.list->id));
    }
    REPRIEVE_RETURN_IF_ERROR(check_chunks(content, chunks));
    return chunks;
  }
  bool is_chunk(const ChunkId& id, ByteView plaintext) override {
    return id == MemoryRepository::id_of(plaintext);
  }
  /// From the last to the first, by two threads.
  Result<> fetch(std::span<const Request> requests, const Deliver& deliver,
                 const Missing& missing) override {
    std::atomic<std::size_t> next{0};
    Result<> failure = kOk;
    std::mutex mutex;
    const auto work = [&] {
      for (std::size_t i = next++; i < requests.size(); i = next++) {
        const Request& request = requests[requests.size() - 1 - i];
        const auto bytes = repository_.get(request.chunk.id);
        ++chunks_fetched;
        auto done = bytes ? deliver(request, *bytes)
                          : missing(request, Error{ErrorKind::kCorrupt, "a chunk is missing"});
        if (done) continue;
        const std::lock_guard lock{mutex};
        failure = std::move(done);
        next = requests.size();
      }
    };
    std::thread other{work};
    work();
    other.join();
    return failure;
  }
  void report(Problem problem) override {
    const std::lock_guard lock{mutex_};
    problems.push_back(std::move(problem));
  }
  Progress& progress() override { return progress_; }
  const CancelToken& cancel() override { return cancel_token; }

  std::vector<Problem> problems;
  std::atomic<int> chunks_fetched{0};
  CancelToken cancel_token;

 private:
  Result<std::vector<ChunkRef>> read_list(const ChunkId& id) const {
    const auto bytes = repository_.get(id);
    if (!bytes) return Error{ErrorKind::kCorrupt, "a list is missing"};
    std::vector<ChunkRef> out;
    for (Decoder in{*bytes}; !in.at_end();) {
      REPRIEVE_TRY(const std::vector<ChunkRef> page, parse_list(in.bytes(kTreeBytesMax)));
      std::ranges::copy(page, std::back_inserter(out));
    }
    return out;
  }

  const MemoryRepository& repository_;
  Progress progress_;
  std::mutex mutex_;
};

}  // namespace reprieve::filesystem
