#pragma once

#include <map>
#include <mutex>
#include <set>

#include "source/source.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::backup {

/// Directories and chunks by the first byte of their id. A chunk of byte b is b, again and again.
class BrowseFake : public RestoreReader {
 public:
  std::map<std::byte, std::vector<Entry>> directories;
  std::set<std::byte> damaged;
  std::vector<Problem> problems;
  std::size_t reads = 0;

  Result<std::vector<Entry>> read_directory(const ListRef& directory) override {
    ++reads;
    if (damaged.contains(directory.id.bytes[0])) return Error{ErrorKind::kCorrupt, "damaged"};
    return directories.at(directory.id.bytes[0]);
  }
  Result<std::vector<ChunkRef>> chunks_of(const Content& content) override {
    REPRIEVE_RETURN_IF_ERROR(check_chunks(content, content.chunks));
    return content.chunks;
  }
  bool is_chunk(const ChunkId&, ByteView) override { return false; }
  Result<> fetch(std::span<const Request> requests, const Deliver& deliver,
                 const Missing& missing) override {
    for (const Request& request : requests) {
      const std::byte byte = request.chunk.id.bytes[0];
      if (damaged.contains(byte)) {
        REPRIEVE_RETURN_IF_ERROR(missing(request, {ErrorKind::kCorrupt, "damaged"}));
      } else {
        REPRIEVE_RETURN_IF_ERROR(deliver(request, Bytes(request.chunk.length, byte)));
      }
    }
    return kOk;
  }
  void report(Problem problem) override {
    const std::lock_guard lock{mutex_};
    problems.push_back(std::move(problem));
  }
  Progress& progress() override { return progress_; }
  const CancelToken& cancel() override { return cancel_; }

  static Entry directory(std::string name, std::uint8_t id) {
    Entry entry;
    entry.name = std::move(name);
    entry.type = EntryType::kDirectory;
    entry.directory.emplace();
    entry.directory->id.bytes[0] = std::byte{id};
    return entry;
  }
  static Entry file(std::string name, std::string_view content) {
    Entry entry;
    entry.name = std::move(name);
    entry.content.size = content.size();
    entry.content.inline_bytes = copy_of(as_bytes(content));
    return entry;
  }
  static Entry chunked(std::string name, std::initializer_list<std::pair<char, unsigned>> chunks) {
    Entry entry;
    entry.name = std::move(name);
    for (const auto& [byte, length] : chunks) {
      ChunkRef chunk;
      chunk.id.bytes[0] = static_cast<std::byte>(byte);
      chunk.length = length;
      entry.content.chunks.push_back(chunk);
      entry.content.size += length;
    }
    return entry;
  }

 private:
  std::mutex mutex_;
  Progress progress_;
  CancelToken cancel_;
};

}  // namespace reprieve::backup
