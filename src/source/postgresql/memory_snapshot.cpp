#include "source/postgresql/memory_snapshot.hpp"

#include <algorithm>
#include <cstring>

#include "crypto/crypto.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kChunkBytes = 32 * 1024;

ChunkId id_of(ByteView bytes) {
  return ChunkId{crypto::sha256(bytes)};
}

}  // namespace

Result<Content> MemorySnapshot::put_content(ByteReader& reader, Chunking chunking) {
  Content content;
  content.chunking = chunking;
  Bytes buffer(kChunkBytes);
  while (true) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
      REPRIEVE_TRY(const std::size_t got, reader.read(MutableByteView{buffer}.subspan(filled)));
      if (got == 0) break;
      filled += got;
    }
    if (filled == 0) return content;
    const ByteView bytes = ByteView{buffer}.first(filled);
    content.size += filled;
    if (content.chunks.empty() && filled <= Content::kInlineMax) {
      content.inline_bytes = copy_of(bytes);
      return content;
    }
    content.chunks.push_back({id_of(bytes), static_cast<std::uint32_t>(filled)});
    const std::lock_guard lock{mutex_};
    chunks_.try_emplace(content.chunks.back().id, copy_of(bytes));
  }
}

Result<ListRef> MemorySnapshot::put_directory(std::vector<Entry> entries) {
  std::ranges::sort(entries, {}, &Entry::name);
  const std::lock_guard lock{mutex_};
  ListRef stored;
  const std::uint64_t number = directories_.size() + 1;
  std::memcpy(stored.id.bytes.data(), &number, sizeof number);
  directories_[stored.id] = std::move(entries);
  return stored;
}

bool MemorySnapshot::has(const Content& content) {
  const std::lock_guard lock{mutex_};
  return std::ranges::all_of(content.chunks,
                             [&](const ChunkRef& chunk) { return chunks_.contains(chunk.id); });
}

bool MemorySnapshot::has(const ListRef& stored) {
  const std::lock_guard lock{mutex_};
  return directories_.contains(stored.id);
}

Result<std::vector<Entry>> MemorySnapshot::read_directory(const ListRef& directory) {
  const std::lock_guard lock{mutex_};
  const auto found = directories_.find(directory.id);
  if (found == directories_.end()) return Error{ErrorKind::kCorrupt, "no such directory"};
  return found->second;
}

Result<std::vector<ChunkRef>> MemorySnapshot::chunks_of(const Content& content) {
  REPRIEVE_RETURN_IF_ERROR(check_chunks(content, content.chunks));
  return content.chunks;
}

bool MemorySnapshot::is_chunk(const ChunkId& id, ByteView plaintext) {
  return id == id_of(plaintext);
}

Result<> MemorySnapshot::fetch(std::span<const Request> requests, const Deliver& deliver,
                               const Missing& missing) {
  for (const Request& request : requests) {
    const Bytes* bytes = nullptr;
    {
      const std::lock_guard lock{mutex_};
      const auto found = chunks_.find(request.chunk.id);
      if (found != chunks_.end()) bytes = &found->second;
    }
    REPRIEVE_RETURN_IF_ERROR(bytes != nullptr
                                 ? deliver(request, *bytes)
                                 : missing(request, Error{ErrorKind::kCorrupt, "chunk is lost"}));
  }
  return kOk;
}

void MemorySnapshot::report(Problem problem) {
  const std::lock_guard lock{mutex_};
  problems_.push_back(std::move(problem));
}

void MemorySnapshot::lose(const Content& content) {
  const std::lock_guard lock{mutex_};
  for (const ChunkRef& chunk : content.chunks)
    if (auto node = chunks_.extract(chunk.id)) lost_.insert(std::move(node));
}

void MemorySnapshot::heal() {
  const std::lock_guard lock{mutex_};
  chunks_.merge(lost_);
}

Result<Entry> MemorySnapshot::find(const std::vector<Entry>& roots, const std::string& path) {
  const std::size_t slash = path.find('/');
  const auto found = std::ranges::find(roots, path.substr(0, slash), &Entry::name);
  if (found == roots.end()) return Error{ErrorKind::kNotFound, "no " + path};
  if (slash == std::string::npos) return *found;
  if (!found->directory) return Error{ErrorKind::kNotFound, "no " + path};
  REPRIEVE_TRY(const auto entries, read_directory(*found->directory));
  return find(entries, path.substr(slash + 1));
}

}  // namespace reprieve
